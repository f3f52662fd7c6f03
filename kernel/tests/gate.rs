//! The gate with policies of several layers, whole and damaged.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use kernel::Risk;
use kernel::disk::sim::SplitMix;
use kernel::gate::{
    CanonicalPath, Context, Decided, Domain, Fact, Fallback, Gate, KillSwitch, Layer, Places,
    Problem, Request, Resource, Source, Sources, Verdict, Workspace,
};
use kernel::principal::{ActionId, Principal};

fn source(text: &str) -> Source {
    Source { file: "policy.toml".into(), text: text.into() }
}

fn user(text: &str) -> Sources {
    Sources { user: Some(source(text)), ..Sources::default() }
}

fn workspace(user: &str, text: &str) -> Sources {
    let workspace = source(text);
    let approved = Some(workspace.fingerprint());
    let (user, workspace) = (Some(source(user)), Some(workspace));
    Sources { user, workspace, approved, ..Sources::default() }
}

fn gate(sources: Sources) -> Gate {
    let (gate, problems) = Gate::new(sources, Places::default());
    assert_eq!(problems, []);
    gate
}

fn rule(id: &str, effect: &str, who: &str, action: &str, more: &str) -> String {
    let (who, action) = (format!("principal = [\"{who}\"]"), format!("action = [\"{action}\"]"));
    format!("[[rule]]\nid = \"{id}\"\neffect = \"{effect}\"\n{who}\n{action}\n{more}\n")
}

fn ask(gate: &Gate, who: &str, action: &str, risk: Risk, facts: &[Fact]) -> Verdict {
    ask_about(gate, who, action, risk, facts, &Resource::Nothing)
}

fn ask_about(
    gate: &Gate,
    who: &str,
    action: &str,
    risk: Risk,
    facts: &[Fact],
    resource: &Resource,
) -> Verdict {
    let (principal, action) = (who.parse().unwrap(), ActionId::new(action).unwrap());
    let context = Context::of(facts);
    let request = Request {
        principal: &principal,
        action: &action,
        risk,
        resource,
        context,
        workspace: None,
    };
    gate.decide(&request)
}

#[test]
fn the_built_in_policy_is_read_and_its_own_tests_hold() {
    let gate = gate(Sources::default());
    let text = include_str!("../src/gate/builtin.toml");
    // Its tests in a layer above, over the same rules.
    let tests = text.split_once("[[test]]").unwrap().1;
    let failures = gate.test(Layer::User, &source(&format!("[[test]]{tests}"))).unwrap();
    assert_eq!(failures, []);
    let wrong = tests.replacen("expect = \"ask\"", "expect = \"allow\"", 1);
    let failures = gate.test(Layer::User, &source(&format!("[[test]]{wrong}"))).unwrap();
    assert_eq!((failures.len(), failures[0].line), (1, 1));
}

#[test]
fn each_request_is_judged_by_the_workspace_that_it_is_asked_from() {
    let quiet = source(&rule("quiet", "forbid", "owner", "task.run", ""));
    let broken = source("[[rule]]");
    let of = |root: &str, policy: Option<&Source>| Workspace {
        root: CanonicalPath::lexical(root).unwrap(),
        approved: policy.map(Source::fingerprint),
        policy: policy.cloned(),
    };
    let all = |with: &Source| Sources {
        others: vec![of("/a", Some(with)), of("/a/b", None), of("/c", None)],
        ..Sources::default()
    };
    let (gate, problems) = Gate::new(all(&quiet), Places::default());
    assert_eq!(problems, []);
    let path = |text: &str| CanonicalPath::lexical(text).unwrap();
    let decided = |who: &str, action: &str, resource: Resource, from: Option<&str>| {
        let (principal, action) = (who.parse().unwrap(), ActionId::new(action).unwrap());
        let from = from.map(path);
        let request = Request {
            principal: &principal,
            action: &action,
            risk: Risk::L0,
            resource: &resource,
            context: Context::of(&[Fact::Trusted]),
            workspace: from.as_ref(),
        };
        gate.decide(&request).decided.name()
    };
    let runs = |from| decided("owner", "task.run", Resource::Nothing, from);
    assert_eq!([runs(Some("/a")), runs(Some("/c")), runs(None)], ["deny", "allow", "allow"]);
    let reads =
        |file: &str, from| decided("agent:x", "file.read", Resource::Path(path(file)), from);
    assert_eq!(reads("/c/x.rs", Some("/c")), "allow_with");
    assert_eq!(reads("/c/x.rs", Some("/a")), "deny", "$workspace is the asker's own");
    assert_eq!(reads("/c/x.rs", None), "deny");
    let found = |file: &str| gate.workspace_of(&path(file)).map(|root| root.to_string());
    assert_eq!(found("/a/b/c.rs").as_deref(), Some("/a/b"));
    assert_eq!(found("/ab/c.rs"), None);
    // What is damaged in one workspace keeps its last good version there, and others as they are.
    assert_eq!(gate.reload(all(&broken), Places::default()).len(), 1);
    assert_eq!([runs(Some("/a")), runs(Some("/c"))], ["deny", "allow"]);
}

#[test]
fn what_nothing_permits_is_denied_and_says_so() {
    let verdict = ask(&gate(Sources::default()), "agent:a", "file.read", Risk::L0, &[]);
    assert_eq!(verdict.decided, Decided::Deny);
    assert_eq!(verdict.because.fallback, Some(Fallback::NothingPermits));
    assert_eq!(verdict.to_json()["rule"], "default-deny");
}

#[test]
fn deny_wins_over_ask_over_obligations_over_allow_in_any_order() {
    let rules = [
        rule("d-forbids", "forbid", "agent:a", "x.four", ""),
        rule("c-asks", "ask", "agent", "x.*", "reason = \"so\"\nrisk = \"L2\""),
        rule("b-binds", "permit", "agent:a", "*", "[rule.obligations]\nbudget_s = 9"),
        rule(
            "b-binds-more",
            "permit",
            "*",
            "x.*",
            "[rule.obligations]\nbudget_s = 5\nredact = true",
        ),
        rule("a-permits", "permit", "agent:a", "*", ""),
    ];
    let mut random = SplitMix::new(1);
    let mut first = None;
    for _ in 0..50 {
        let mut shuffled = rules.to_vec();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, random.below(at as u64 + 1) as usize);
        }
        let gate = gate(user(&shuffled.concat()));
        let verdicts = [
            ask(&gate, "agent:a", "x.four", Risk::L2, &[]),
            ask(&gate, "agent:a", "x.three", Risk::L2, &[]),
            ask(&gate, "agent:a", "x.two", Risk::L0, &[]),
            ask(&gate, "agent:b", "y.one", Risk::L0, &[]),
        ];
        let names: Vec<_> = verdicts.iter().map(|it| it.decided.name()).collect();
        assert_eq!(names, ["deny", "ask", "allow_with", "deny"]);
        let Decided::AllowWith(bound) = &verdicts[2].decided else { panic!("it was just named") };
        assert_eq!((bound.budget_s, bound.redact), (Some(5), true));
        let Decided::Ask(question) = &verdicts[1].decided else { panic!("it was just named") };
        assert_eq!((question.reason.as_str(), question.obligations.budget_s), ("so", Some(5)));
        assert_eq!(*first.get_or_insert(verdicts.clone()), verdicts);
    }
}

#[test]
fn a_workspace_narrows_and_never_widens() {
    let permits = rule("mine", "permit", "agent", "x.*", "");
    let theirs = [
        rule("theirs", "permit", "agent", "*", ""),
        rule("asks", "ask", "agent", "*", "reason = \"careful\""),
        rule("forbids", "forbid", "agent", "x.two", ""),
    ];
    let (gate, problems) = Gate::new(workspace(&permits, &theirs.concat()), Places::default());
    let ignored = |problem: &Problem| match problem {
        Problem::Ignored { rule, .. } => rule.to_string(),
        other => panic!("{other}"),
    };
    assert_eq!(problems.iter().map(ignored).collect::<Vec<_>>(), ["theirs"]);
    let decided = |action| ask(&gate, "agent:a", action, Risk::L1, &[]);
    assert_eq!(decided("x.one").decided.name(), "ask");
    assert_eq!(decided("x.one").because.layer, Layer::Workspace);
    assert_eq!(decided("x.two").decided, Decided::Deny);
    // Its ask is no way to what nobody allows.
    assert_eq!(decided("y.one").because.fallback, Some(Fallback::NothingPermits));
    let mut changed = workspace(&permits, &theirs.concat());
    changed.workspace.as_mut().unwrap().text.push('\n');
    let (gate, problems) = Gate::new(changed, Places::default());
    assert!(matches!(problems[..], [Problem::Unapproved { .. }]));
    assert_eq!(ask(&gate, "agent:a", "x.two", Risk::L1, &[]).decided, Decided::Allow);
}

#[test]
fn random_workspaces_only_narrow() {
    let mut random = SplitMix::new(5);
    for _ in 0..2_000 {
        let mut some = |prefix: &str| -> String {
            let count = random.below(4);
            let one = |at| {
                let mut pick = |of: &[&'static str]| of[random.below(of.len() as u64) as usize];
                let (effect, who) =
                    (pick(&["permit", "forbid", "ask"]), pick(&["agent", "*", "pack"]));
                let risk = pick(&["", "risk = \"L1\"", "risk = \"L3\""]);
                rule(&format!("{prefix}{at}"), effect, who, pick(&["x.*", "*", "x.one"]), risk)
            };
            (0..count).map(one).collect()
        };
        let (mine, theirs) = (some("m"), some("t"));
        let before = gate(user(&mine));
        let after = Gate::new(workspace(&mine, &theirs), Places::default()).0;
        for who in ["agent:a", "pack:p", "client", "owner"] {
            for (action, risk) in [("x.one", Risk::L0), ("x.two", Risk::L2), ("y.one", Risk::L4)] {
                let rank = |gate: &Gate| match ask(gate, who, action, risk, &[]).decided {
                    Decided::Deny => 0,
                    Decided::Ask(_) => 1,
                    Decided::AllowWith(_) => 2,
                    Decided::Allow => 3,
                };
                assert!(rank(&after) <= rank(&before), "{who} {action}\n{mine}\n-- {theirs}");
            }
        }
    }
}

#[test]
fn a_damaged_layer_names_its_line_and_widens_nothing() {
    let good = rule("no-net", "forbid", "trainer", "train.*", "");
    let bad = format!("{good}\n[[rule]]\nid = \"x\"\neffect = \"permitt\"\n");
    let (gate, problems) = Gate::new(user(&bad), Places::default());
    let [Problem::Closed(error)] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(error.line, 10, "{error}");
    let idle = [Fact::Idle, Fact::Mains];
    let trainer = |gate: &Gate| ask(gate, "trainer", "train.start", Risk::L2, &idle);
    assert_eq!(trainer(&gate).because.fallback, Some(Fallback::DamagedLayer));
    assert_eq!(ask(&gate, "owner", "file.save", Risk::L2, &[]).decided, Decided::Allow);
    assert_eq!(gate.reload(user(&good), Places::default()), []);
    assert_eq!(trainer(&gate).because.rule.unwrap().as_str(), "no-net");
    // Now there is a good version, which stays.
    let problems = gate.reload(user(&bad), Places::default());
    assert!(matches!(problems[..], [Problem::Kept(_)]));
    assert_eq!(trainer(&gate).because.rule.unwrap().as_str(), "no-net");
    let problems = gate.reload(user(&bad), Places::default());
    assert!(matches!(problems[..], [Problem::Kept(_)]), "the good one is still known");
}

#[test]
fn errors_say_where_and_what_to_do() {
    let line = |text: &str| match &Gate::new(user(text), Places::default()).1[..] {
        [Problem::Closed(error)] => (error.line, error.to_string()),
        other => panic!("{text}: {other:?}"),
    };
    let head = "# one\n# two\n";
    for (text, says) in [
        (rule("a b", "permit", "owner", "*", ""), "lower-case"),
        (rule("a", "permit", "nobody", "*", ""), "no principal"),
        (rule("a", "permit", "owner", "x y", ""), "no action"),
        (rule("a", "permit", "owner", "*", "resource = [\"path:../x\"]"), "no resource"),
        (rule("a", "permit", "owner", "*", "resource = [\"path:$moon/x\"]"), "no resource"),
        (rule("a", "permit", "owner", "*", "colour = 1"), "unknown field"),
        (rule("a", "ask", "owner", "*", "[rule.obligations]\nredact = true"), "permit"),
        (rule("a", "permit", "owner", "*", "reason = \"x\""), "ask"),
    ] {
        let (at, message) = line(&format!("{head}{text}"));
        assert!(message.contains(says), "{message}");
        assert!((3..=8).contains(&at), "{message}");
    }
    let twice = rule("a", "permit", "owner", "*", "").repeat(2);
    assert_eq!(line(&twice).0, 7);
}

#[test]
fn the_kill_switch_and_a_reload_end_every_capability() {
    let gate = gate(user(&rule("runs", "permit", "agent", "*", "")));
    let (agent, action) = ("agent:a".parse().unwrap(), ActionId::new("x.one").unwrap());
    let request = Request {
        principal: &agent,
        action: &action,
        risk: Risk::L1,
        resource: &Resource::Nothing,
        context: Context::default(),
        workspace: None,
    };
    let first = gate.grant(&request).unwrap();
    assert!(first.holds());
    gate.set_kill_switch(KillSwitch::On);
    assert!(!first.holds());
    let denied = gate.grant(&request).unwrap_err();
    assert_eq!(denied.because.fallback, Some(Fallback::KillSwitch));
    assert_eq!(ask(&gate, "owner", "file.save", Risk::L2, &[]).decided, Decided::Allow);
    // It stays on through a reload.
    gate.reload(user(&rule("runs", "permit", "agent", "*", "")), Places::default());
    assert!(gate.grant(&request).is_err());
    gate.set_kill_switch(KillSwitch::Off);
    let second = gate.grant(&request).unwrap();
    assert!(!first.holds() && second.holds());
    gate.reload(Sources::default(), Places::default());
    assert!(!second.holds() && gate.grant(&request).is_err());
}

#[test]
fn roles_come_from_files_and_nobody_becomes_the_owner() {
    let roles = "[roles]\n\"agent:a\" = \"builder\"\n\"agent:b\" = \"owner\"\n";
    let text = format!("{roles}{}", rule("builds", "permit", "role:builder", "build.*", ""));
    let text = text + &rule("owns", "permit", "role:owner", "build.*", "");
    let gate = gate(user(&text));
    assert_eq!(ask(&gate, "agent:a", "build.run", Risk::L3, &[]).decided, Decided::Allow);
    assert_eq!(ask(&gate, "agent:b", "build.run", Risk::L3, &[]).decided, Decided::Deny);
    let (owner, action) = (Principal::Owner, ActionId::new("build.run").unwrap());
    let request = Request {
        principal: &owner,
        action: &action,
        risk: Risk::L3,
        resource: &Resource::Nothing,
        context: Context::default(),
        workspace: None,
    };
    let can: Vec<String> = gate
        .who_can(&request)
        .into_iter()
        .filter(|holder| holder.verdict.decided == Decided::Allow)
        .map(|holder| holder.who)
        .collect();
    assert_eq!(can, ["owner", "agent:a"]);
    let (verdict, lines) = gate.explain(&request);
    assert_eq!(verdict.decided, Decided::Allow);
    let applied = lines.iter().filter(|line| line.miss.is_none());
    assert_eq!(
        applied.map(|line| line.rule.to_string()).collect::<Vec<_>>(),
        ["owner-acts", "owns"]
    );
}

#[test]
fn domains_and_two_sandboxes() {
    let rules = [
        rule("a", "permit", "pack:p", "net.*", "resource = [\"domain:*.example.com\"]"),
        rule("b", "permit", "pack:q", "*", "[rule.obligations]\nsandbox = \"one\""),
        rule("c", "permit", "pack:q", "*", "[rule.obligations]\nsandbox = \"two\""),
    ];
    let gate = gate(user(&rules.concat()));
    let of = |host: &str| {
        let host = Resource::Domain(Domain::new(host).unwrap());
        ask_about(&gate, "pack:p", "net.get", Risk::L0, &[], &host).decided
    };
    assert_eq!(of("API.example.com"), Decided::Allow);
    assert_eq!(of("example.com.evil.net"), Decided::Deny);
    let two = ask(&gate, "pack:q", "x.y", Risk::L0, &[]);
    assert_eq!(two.because.fallback, Some(Fallback::TwoSandboxes));
}

#[test]
fn no_text_makes_a_policy_panic() {
    let good = include_str!("../src/gate/builtin.toml").as_bytes();
    let mut random = SplitMix::new(9);
    for _ in 0..3_000 {
        let mut bad = good[..2_000].to_vec();
        for _ in 0..=random.below(8) {
            let at = random.below(bad.len() as u64) as usize;
            bad[at] = b"\n[]\"=$*:\0az"[random.below(11) as usize];
        }
        let (gate, _) = Gate::new(user(&String::from_utf8_lossy(&bad)), Places::default());
        assert_eq!(ask(&gate, "agent:a", "file.read", Risk::L0, &[]).decided, Decided::Deny);
    }
}
