//! Settings that are one of a few words.

/// Makes an enum whose variants have the names that a settings file gives them.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant,)+ }

        impl $name {
            /// The words, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// The variant that `word` names.
            pub fn from_name(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// The word for it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

choice! {
    /// Light or dark.
    ThemeMode {
        /// As the system says.
        System = "system",
        /// Always light.
        Light = "light",
        /// Always dark.
        Dark = "dark",
    }
}

choice! {
    /// Whether things move.
    ReduceMotion {
        /// As the system asks.
        System = "system",
        /// Nothing moves.
        On = "on",
        /// Things move.
        Off = "off",
    }
}

choice! {
    /// What draws.
    Renderer {
        /// A real GPU where there is one, else the CPU.
        Auto = "auto",
        /// The GPU, a software one too.
        Gpu = "gpu",
        /// The CPU.
        Cpu = "cpu",
    }
}

choice! {
    /// Whether long lines are broken.
    SoftWrap {
        /// They run on.
        Off = "off",
        /// Where the pane ends, in prose: Markdown and plain text.
        Prose = "prose",
        /// Where the pane ends.
        Pane = "pane",
    }
}

choice! {
    /// What the gutter counts.
    LineNumbers {
        /// From the top of the file.
        On = "on",
        /// From the cursor.
        Relative = "relative",
        /// Nothing.
        Off = "off",
    }
}

choice! {
    /// Where spaces and tabs are shown.
    Whitespace {
        /// Nowhere.
        None = "none",
        /// In what is selected.
        Selection = "selection",
        /// Everywhere.
        All = "all",
    }
}

choice! {
    /// How a new file ends its lines.
    LineEnding {
        /// With a line feed.
        Lf = "lf",
        /// With a carriage return and a line feed.
        Crlf = "crlf",
    }
}

choice! {
    /// The weight of a line in the log, the heaviest first.
    Level {
        /// Something was lost or refused.
        Error = "error",
        /// Something is not as it should be.
        Warn = "warn",
        /// What the program does.
        Info = "info",
        /// How it does it.
        Debug = "debug",
    }
}
