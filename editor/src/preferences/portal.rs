//! The settings portal of Linux desktops, over the session's D-Bus.

use std::collections::HashMap;
use std::time::Duration;

use render::motion::Motion;
use zbus::blocking::{Connection, Proxy, connection, proxy};
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedValue, Value};

use super::{Changes, Preferred};
use crate::input::Appearance;
use crate::record::{self, Field};
use crate::settings::Level;

/// The portal tells of changes by a signal.
pub const CHANGES: Changes = Changes::Told;

/// A portal that has not answered after this long is there no more, or hangs.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const INTERFACE: &str = "org.freedesktop.portal.Settings";

/// Light and dark, a number under `color-scheme`, as the portal's own documentation has it.
const APPEARANCE: &str = "org.freedesktop.appearance";

/// Movement, a truth under `enable-animations`; GTK's key, which other desktops answer too.
const DESKTOP: &str = "org.gnome.desktop.interface";

/// All settings by namespace and key.
type All = HashMap<String, HashMap<String, OwnedValue>>;

/// Asks, then listens until the bus ends.
pub fn listen(tell: &impl Fn(Preferred)) {
    if let Err(error) = try_listen(tell) {
        // Many sessions have no bus or no portal; that is no trouble of the person's.
        let reason = [("reason", Field::text(&error.to_string()))];
        record::event(Level::Debug, "preferences.none", &reason);
    }
}

fn try_listen(tell: &impl Fn(Preferred)) -> zbus::Result<()> {
    let connection: Connection =
        connection::Builder::session()?.method_timeout(ANSWER_TIME_MAX).build()?;
    let settings: Proxy<'_> = proxy::Builder::new(&connection)
        .destination(NAME)?
        .path(PATH)?
        .interface(INTERFACE)?
        .cache_properties(CacheProperties::No)
        .build()?;
    // Listening first: what changes while the answer is under way is not missed.
    let changes = settings.receive_signal("SettingChanged")?;
    // One that answers too late still tells of changes.
    match settings.call::<_, _, All>("ReadAll", &([APPEARANCE, DESKTOP].as_slice(),)) {
        Ok(all) => {
            for (namespace, keys) in &all {
                for (key, value) in keys {
                    preference(namespace, key, value).into_iter().for_each(tell);
                }
            }
        }
        Err(error) => {
            let reason = [("reason", Field::text(&error.to_string()))];
            record::event(Level::Debug, "preferences.unanswered", &reason);
        }
    }
    for change in changes {
        let body = change.body();
        // A change that is none of ours may have any form.
        let Ok((namespace, key, value)) = body.deserialize::<(String, String, Value<'_>)>() else {
            continue;
        };
        preference(&namespace, &key, &value).into_iter().for_each(tell);
    }
    Ok(())
}

/// What a setting says of appearance or motion, if it does.
fn preference(namespace: &str, key: &str, value: &Value<'_>) -> Option<Preferred> {
    match (namespace, key, value) {
        // 0 is no preference, 1 dark, 2 light.
        (APPEARANCE, "color-scheme", Value::U32(scheme)) => {
            Some(Preferred::Appearance(match scheme {
                1 => Appearance::Dark,
                _ => Appearance::Light,
            }))
        }
        (DESKTOP, "enable-animations", Value::Bool(moves)) => {
            Some(Preferred::Motion(match moves {
                true => Motion::Full,
                false => Motion::Reduced,
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_the_portal_writes_them() {
        let dark = preference(APPEARANCE, "color-scheme", &Value::U32(1));
        assert_eq!(dark, Some(Preferred::Appearance(Appearance::Dark)));
        let none = preference(APPEARANCE, "color-scheme", &Value::U32(0));
        assert_eq!(none, Some(Preferred::Appearance(Appearance::Light)));
        let still = preference(DESKTOP, "enable-animations", &Value::Bool(false));
        assert_eq!(still, Some(Preferred::Motion(Motion::Reduced)));
        assert_eq!(preference(APPEARANCE, "color-scheme", &Value::Bool(true)), None);
        assert_eq!(preference(DESKTOP, "font-name", &Value::from("Sans")), None);
    }
}
