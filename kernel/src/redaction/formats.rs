//! The formats of providers' keys, as their own documentation describes them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Add, FindingKind};

/// A provider and what its keys look like. A pattern begins at a word's beginning.
const FORMATS: &[(&str, &str)] = &[
    ("AWS", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    ("Google", r"AIza[0-9A-Za-z_-]{35}"),
    ("Google", r"ya29\.[0-9A-Za-z_-]{20,}"),
    ("Google", r"GOCSPX-[0-9A-Za-z_-]{28}"),
    ("Azure", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("Azure", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    ("Azure", r"sig=[A-Za-z0-9%]{43,}%3[dD]"),
    ("GitHub", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    ("GitHub", r"github_pat_[A-Za-z0-9_]{22,255}"),
    ("GitLab", r"gl(?:pat|ptt|dt|rt|soat|cbt|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}"),
    ("Slack", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("Slack", r"xapp-[0-9]-[A-Za-z0-9-]{10,}"),
    ("Slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}"),
    ("Stripe", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("Stripe", r"whsec_[A-Za-z0-9+/=]{24,}"),
    ("Anthropic", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("OpenAI", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"),
    ("OpenAI", r"sk-[A-Za-z0-9]{48}"),
    ("npm", r"npm_[A-Za-z0-9]{36}"),
    ("PyPI", r"pypi-[A-Za-z0-9_-]{50,}"),
    ("crates.io", r"cio[A-Za-z0-9]{32}"),
    ("JWT", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    ("age", r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"),
    ("Telegram", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    ("Discord", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    ("Discord", r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,}"),
    ("Twilio", r"(?:SK|AC)[0-9a-f]{32}"),
    ("SendGrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("Mailgun", r"key-[0-9a-f]{32}"),
    ("DigitalOcean", r"do[opr]_v1_[0-9a-f]{64}"),
    ("Heroku", r"HRKU-[A-Za-z0-9_-]{36,}"),
    ("Cloudflare", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    ("Hugging Face", r"(?:hf|api_org)_[A-Za-z0-9]{34,}"),
    ("Databricks", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    ("Shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("Square", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}"),
    ("Square", r"EAAA[A-Za-z0-9_-]{60}"),
    ("Vault", r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("Terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}"),
    ("Docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    ("Grafana", r"gls[ac]_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    ("Linear", r"lin_api_[A-Za-z0-9]{40}"),
    ("Postman", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("New Relic", r"NRAK-[A-Z0-9]{27}"),
    ("Groq", r"gsk_[A-Za-z0-9]{52}"),
    ("Replicate", r"r8_[A-Za-z0-9]{37}"),
];

/// A block that holds a private key, to its end or the text's. The opening line alone is enough.
const BLOCK: &str = concat!(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    r"(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
);

static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let words: Vec<_> = FORMATS.iter().map(|(_, pattern)| format!("(?:{pattern})")).collect();
    compile(&format!(r"{BLOCK}|(?-u:\b)(?:{})", words.join("|")))
});

static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    FORMATS.iter().map(|(_, pattern)| compile(&format!("^(?:{pattern})"))).collect()
});

/// A pattern of ours, within limits of memory.
pub(super) fn compile(pattern: &str) -> Regex {
    let built =
        regex::RegexBuilder::new(pattern).size_limit(32 << 20).dfa_size_limit(8 << 20).build();
    built.expect("the pattern is a constant, and the tests compile it")
}

pub(super) fn scan(text: &str, add: Add<'_>) {
    for found in ANY.find_iter(text) {
        // Which one it is costs only where there is one.
        let of = EACH.iter().position(|each| each.is_match(found.as_str()));
        let kind = of.map_or("private", |at| FORMATS[at].0);
        add(found.range(), FindingKind::Key(kind));
    }
}
