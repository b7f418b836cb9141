//! The house stays tidy: arrows point forward, functions and files stay short, names are the field's own, and each
//! room, provider, migration and dependency says what it must. Every check is also shown to find what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::tidy_tokens::{Token, function_lengths, lines_of_texts, tokens};

/// Imported by anyone, importing only each other.
const BOTTOM: [&str; 9] = ["store", "money", "ids", "time", "fault", "aside", "config", "seal", "paper"];
/// Rooms that import nothing but the bottom.
const PURE: [&str; 3] = ["vietqr", "providers", "ledger"];
/// Each imports only what stands before it.
const STREET: [&str; 14] = [
    "access",
    "outbox",
    "roll",
    "ledger",
    "fees",
    "inbox",
    "statements",
    "receipts",
    "matching",
    "refunds",
    "closing",
    "feed",
    "orders",
    "oversight",
];
/// These see everything.
const TOP: [&str; 4] = ["clockwork", "web", "simulate", "command"];

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 70;
const LONGEST_LINE: usize = 120;

/// What fuzzing leaves behind, which nobody wrote.
const MADE: [&str; 4] = ["tests/fuzz/target", "tests/fuzz/corpus", "tests/fuzz/artifacts", "tests/fuzz/Cargo.lock"];

/// A file of the house, by its path from the top.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// `src/money/words.rs` and `src/money.rs` are of the room `money`; `src/lib.rs` and `src/main.rs` of none.
    fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let room = inside.split_once('/').map_or(inside.trim_end_matches(".rs"), |(room, _)| room);
        (room != "lib" && room != "main").then_some(room)
    }

    /// What only tests see may stop where it is surprised.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs")
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }
}

/// Every text file that we wrote below these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut waiting: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if MADE.iter().any(|made| path.ends_with(made)) {
            continue;
        }
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push(Source { path: path.display().to_string(), text });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[track_caller]
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// May this room import that one?
fn may_import(from: &str, to: &str) -> bool {
    let place = |room: &str| STREET.iter().position(|name| *name == room);
    if BOTTOM.contains(&to) || TOP.contains(&from) {
        true
    } else if BOTTOM.contains(&from) || PURE.contains(&from) {
        false
    } else {
        PURE.contains(&to) || matches!((place(from), place(to)), (Some(from), Some(to)) if to < from)
    }
}

/// Rooms a file names as `crate::room` or `crate::{room, …}`, with the line.
fn imports(source: &Source) -> Vec<(String, usize)> {
    let tokens = tokens(&source.text, false);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let follows = |offset: usize, text: &str| tokens.get(at + offset).is_some_and(|token| token.text == text);
        if token.text != "crate" || !follows(1, ":") || !follows(2, ":") {
            continue;
        }
        if !follows(3, "{") {
            found.extend(tokens.get(at + 3).map(|room| (room.text.clone(), room.line)));
            continue;
        }
        let mut depth = 0;
        for pair in tokens[at + 3..].windows(2) {
            match pair[0].text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && (pair[0].text == "{" || pair[0].text == ",") {
                found.push((pair[1].text.clone(), pair[1].line));
            }
        }
    }
    found
}

fn backward_arrows(sources: &[Source]) -> Vec<String> {
    let rooms: BTreeSet<&str> = sources.iter().filter_map(Source::room).collect();
    let mut arrows: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let Some(from) = source.room() else { continue };
        for (to, line) in imports(source) {
            if to == from || !rooms.contains(to.as_str()) {
                continue;
            }
            let place = format!("{}:{line}", source.path);
            if !may_import(from, &to) {
                findings.push(format!("{place}: `{from}` imports `{to}`, which does not stand before it"));
            }
            arrows.entry((from.to_owned(), to)).or_insert(place);
        }
    }
    for ((from, to), place) in &arrows {
        if from < to && arrows.contains_key(&(to.clone(), from.clone())) {
            findings.push(format!("{place}: `{from}` and `{to}` import each other"));
        }
    }
    for room in rooms {
        if ![&BOTTOM[..], &PURE, &STREET, &TOP].concat().contains(&room) {
            findings.push(format!("src/{room}: this room has no place on the street (tests/it/tidy.rs)"));
        }
    }
    findings
}

#[test]
fn arrows_point_forward() {
    none(&backward_arrows(&sources(&["src"])));
    let house = |path: &str, text: &str| {
        backward_arrows(&[
            Source::new("src/ledger/mod.rs", ""),
            Source::new("src/fees/mod.rs", "use crate::ledger;"),
            Source::new("src/store/mod.rs", ""),
            Source::new(path, text),
        ])
    };
    none(&house("src/matching/mod.rs", "use crate::{fees, store::{Store, Tx}}; fn f() { crate::ledger::post() }"));
    none(&house("src/web/mod.rs", "use crate::{fees, matching};"));
    let backward =
        ["use crate::fees::Run;", "use crate::{store, fees::{self, Run}};", "fn f() { m!(crate::fees::run()) }"];
    for backward in backward {
        assert_eq!(house("src/roll/mod.rs", backward).len(), 1, "{backward}");
        assert_eq!(house("src/money.rs", backward).len(), 1, "{backward}");
        assert_eq!(house("src/ledger/entry.rs", backward).len(), 2, "backward, and a two-way pair: {backward}");
    }
    assert_eq!(house("src/cellar/mod.rs", "").len(), 1);
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            findings.push(format!("{}: {lines} lines; split it by what it does (at most {LONGEST_FILE})", source.path));
        }
        let texts = lines_of_texts(source.is_rust(), &source.text);
        for (at, line) in source.text.lines().enumerate() {
            let length = line.chars().count();
            if length > LONGEST_LINE && !texts.contains(&(at + 1)) {
                findings.push(format!("{}:{}: {length} characters (at most {LONGEST_LINE})", source.path, at + 1));
            }
        }
        for (name, line, length) in function_lengths(source.is_rust(), &source.text) {
            if length > LONGEST_FUNCTION {
                findings
                    .push(format!("{}:{line}: fn {name} has {length} lines (at most {LONGEST_FUNCTION})", source.path));
            }
        }
        let inside = source.path.strip_prefix("src/").unwrap_or_default();
        let deepest = if inside.starts_with("web/") { 2 } else { 1 };
        if source.is_rust() && inside.matches('/').count() > deepest {
            findings.push(format!("{}: deeper than src/room/file.rs", source.path));
        }
    }
    findings
}

#[test]
fn functions_files_and_lines_stay_short() {
    let written = sources(&["src", "tests"]);
    let ours = |source: &Source| {
        let extension = Path::new(&source.path).extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("rs") | None)
    };
    none(&too_long(&written.into_iter().filter(ours).collect::<Vec<_>>()));
    let one = |path: &str, text: &str| too_long(&[Source::new(path, text)]).len();
    assert_eq!(one("src/fees/mod.rs", &"\n".repeat(600)), 0);
    assert_eq!(one("src/fees/mod.rs", &"\n".repeat(601)), 1);
    assert_eq!(one("src/fees/mod.rs", &format!("// {}", "ệ".repeat(117))), 0);
    assert_eq!(one("src/fees/mod.rs", &format!("// {}", "ệ".repeat(118))), 1);
    assert_eq!(one("src/fees/mod.rs", &format!("const A: &str = \"{}\";", "ệ ".repeat(60))), 0);
    assert_eq!(one("src/fees/mod.rs", &format!("fn f() {{{}}}", "\n".repeat(69))), 0);
    assert_eq!(one("src/fees/mod.rs", &format!("impl A {{ fn f() {{{}}} }}", "\n".repeat(70))), 1);
    assert_eq!(one("src/fees/deep/mod.rs", ""), 1);
    assert_eq!(one("src/web/desk/mod.rs", ""), 0);
}

/// Names that gather everything, and what to say instead.
const ROOM_NAMES: [(&str, &str); 9] = [
    ("utils", "the name of the work, such as `vietqr`"),
    ("util", "the name of the work, such as `vietqr`"),
    ("common", "the room that owns it"),
    ("models", "the room that owns it"),
    ("services", "the verb, as a function of its room"),
    ("types", "the room that owns it"),
    ("helpers", "the room that uses it"),
    ("helper", "the room that uses it"),
    ("misc", "the room that uses it"),
];

/// Endings of type names that say nothing, and what to say instead.
const TYPE_ENDINGS: [(&str, &str); 6] = [
    ("Manager", "what it does: `Keeper`, `Sequencer`"),
    ("Helper", "a function of the room"),
    ("Service", "a function of the room"),
    ("Util", "a function of the room"),
    ("Info", "the thing itself: `School`, not `SchoolInfo`"),
    ("Data", "the thing itself: `Roster`, not `RosterData`"),
];

/// Words that have a better one in the glossary.
const WORDS: [(&str, &str); 3] = [("student", "pupil"), ("Student", "Pupil"), ("students", "pupils")];

fn bad_names(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for part in source.path.trim_end_matches(".rs").split('/') {
            for (_, instead) in ROOM_NAMES.iter().filter(|(name, _)| *name == part) {
                findings.push(format!("{}: `{part}` gathers everything; use {instead}", source.path));
            }
        }
        let tokens = tokens(&source.text, false);
        for (before, token) in tokens.iter().zip(tokens.iter().skip(1)) {
            let place = format!("{}:{}", source.path, token.line);
            for (_, instead) in ROOM_NAMES.iter().filter(|(name, _)| before.text == "mod" && *name == token.text) {
                findings.push(format!("{place}: `{}` gathers everything; use {instead}", token.text));
            }
            if ["struct", "enum", "trait", "type"].contains(&before.text.as_str()) {
                for (ending, instead) in TYPE_ENDINGS
                    .iter()
                    .filter(|(ending, _)| token.text.len() > ending.len() && token.text.ends_with(ending))
                {
                    findings.push(format!("{place}: `{}` ends with {ending}; say {instead}", token.text));
                }
            }
            for (word, instead) in WORDS {
                if token.text.split('_').any(|part| part == word || (word == "Student" && part.contains(word))) {
                    findings.push(format!("{place}: `{}`: the glossary says {instead}", token.text));
                }
            }
        }
    }
    findings
}

#[test]
fn names_are_the_fields_own() {
    none(&bad_names(&sources(&["src", "tests"])));
    let one = |path: &str, text: &str| bad_names(&[Source::new(path, text)]).len();
    assert_eq!(one("src/roll/mod.rs", "struct Pupil; const HEADER: &str = \"student name\";"), 0);
    for wrong in
        ["struct Student;", "fn student_of() {}", "mod helpers {}", "struct FeeManager;", "enum ParseHelper {}"]
    {
        assert_eq!(one("src/roll/mod.rs", wrong), 1, "{wrong}");
    }
    assert_eq!(one("src/utils/mod.rs", ""), 1);
    assert_eq!(one("src/roll/types.rs", ""), 1);
}

/// A float in these loses a đồng sooner or later. Drawing (`pdf.rs`, pages, pictures) measures in floats.
const MONEY_ROOMS: [&str; 13] = [
    "money",
    "ledger",
    "fees",
    "inbox",
    "matching",
    "receipts",
    "refunds",
    "closing",
    "feed",
    "providers",
    "orders",
    "outbox",
    "seal",
];

fn unfinished_or_careless(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let of_money = source.room().is_some_and(|room| MONEY_ROOMS.contains(&room))
            && !source.path.ends_with("pdf.rs")
            && !source.is_test();
        let tokens = tokens(&source.text, true);
        for (at, Token { text, line }) in tokens.iter().enumerate() {
            let near =
                |offset: isize| at.checked_add_signed(offset).and_then(|at| tokens.get(at)).map(|token| &*token.text);
            let is_macro = near(1) == Some("!");
            let is_call = near(-1) == Some(".") && near(1) == Some("(");
            let why = match text.as_str() {
                "todo" | "unimplemented" if is_macro => "finish it or leave it out",
                "dbg" if is_macro => "log with tracing, without personal data",
                "panic" if is_macro && !source.is_test() => "return a Fault",
                "unwrap" | "expect" if is_call && !source.is_test() => "return a Refusal or a Fault",
                "f32" | "f64" if of_money => "money is Dong, or Decimal at the edge",
                _ => continue,
            };
            findings.push(format!("{}:{line}: `{text}`: {why}", source.path));
        }
        for (at, line) in source.text.lines().enumerate() {
            for mark in [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X:")] {
                if line.contains(mark) {
                    findings.push(format!("{}:{}: {mark}: do it now or file it", source.path, at + 1));
                }
            }
        }
    }
    findings
}

#[test]
fn nothing_is_left_unfinished_or_panics() {
    none(&unfinished_or_careless(&sources(&["src", "tests"])));
    let one = |path: &str, text: &str| unfinished_or_careless(&[Source::new(path, text)]).len();
    assert_eq!(one("src/fees/mod.rs", "#[cfg(test)] mod tests { fn f() { x.unwrap(); panic!() } }"), 0);
    assert_eq!(one("src/paper/mod.rs", "fn f() -> f32 { 0.0 }"), 0);
    assert_eq!(one("src/fees/mod.rs", "fn f() { x.unwrap_or_default() }"), 0);
    let unwrapping = concat!("fn f() { x.unw", "rap() }");
    let wrong =
        ["fn f() { todo!() }", "fn f() { m!(a, dbg!(x)) }", unwrapping, "fn f() -> f64 { 0.0 }", "fn f() { panic!() }"];
    for wrong in wrong {
        assert_eq!(one("src/fees/mod.rs", wrong), 1, "{wrong}");
    }
    assert_eq!(one("src/fees/mod.rs", concat!("// FIX", "ME: later")), 1);
}

fn undocumented_rooms(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust() && source.path.starts_with("src/")) {
        let doc: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let is_room = source.path.ends_with("/mod.rs") && source.path.matches('/').count() == 2;
        if doc.is_empty() && !source.is_test() {
            findings.push(format!("{}: does not begin with what it is (`//!`)", source.path));
        } else if is_room && source.room() != Some("command") {
            for word in ["nvariant", "eliberately absent"] {
                if !doc.contains(word) {
                    findings.push(format!("{}: the room's doc does not say `…{word}…`", source.path));
                }
            }
        }
    }
    findings
}

#[test]
fn each_room_says_what_it_is_what_holds_and_what_is_absent() {
    none(&undocumented_rooms(&sources(&["src"])));
    let one = |path: &str, text: &str| undocumented_rooms(&[Source::new(path, text)]).len();
    assert_eq!(one("src/fees/mod.rs", "//! Who owes.\n//! **Invariant:** x.\n//! Deliberately absent: y.\n"), 0);
    assert_eq!(one("src/fees/mod.rs", "//! Who owes.\n//! **Invariant:** x.\n"), 1);
    assert_eq!(one("src/fees/run.rs", "use a;\n"), 1);
    assert_eq!(one("src/fees/run.rs", "//! Runs.\n"), 0);
}

/// What each provider must be shown: a true delivery, a false one, money that left, and the same thing again.
const VECTORS: [&str; 4] = ["genuine", "forged", "outgoing", "told-twice"];

fn is_request(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "http")
}

fn untested_providers(files: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let providers: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix("providers/")?.split_once('/'))
        .map(|(name, _)| name)
        .collect();
    for provider in providers {
        let has = |file: &str| files.iter().any(|found| found == &format!("providers/{provider}/{file}"));
        if !has("provider.toml") {
            findings.push(format!("providers/{provider}: no provider.toml"));
        }
        let vectors = format!("providers/{provider}/vectors/");
        for kind in VECTORS {
            let of_kind = |file: &&String| {
                file.strip_prefix(&vectors).is_some_and(|name| name.starts_with(kind)) && is_request(file)
            };
            if !files.iter().any(|file| of_kind(&file)) {
                findings.push(format!("{vectors}: no {kind}*.http"));
            }
        }
        for request in files.iter().filter(|file| file.starts_with(&vectors) && is_request(file)) {
            if !files.contains(&request.replace(".http", ".want")) {
                findings.push(format!("{request}: nothing says what must come out (.want)"));
            }
        }
    }
    findings
}

#[test]
fn each_provider_comes_with_its_vectors() {
    let mut waiting = vec![PathBuf::from("providers")];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop().filter(|path| path.exists()) {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else {
            files.push(path.display().to_string());
        }
    }
    none(&untested_providers(&files));
    let bank = |names: &[&str]| names.iter().map(|name| format!("providers/bank/{name}")).collect::<Vec<_>>();
    let vectors = VECTORS.iter().flat_map(|kind| [format!("vectors/{kind}.http"), format!("vectors/{kind}.want")]);
    let whole: Vec<String> = vectors.chain(["provider.toml".to_owned()]).collect();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    none(&untested_providers(&bank(&whole)));
    for missing in 0..whole.len() {
        let mut rest = whole.clone();
        rest.remove(missing);
        assert_eq!(untested_providers(&bank(&rest)).len(), 1, "{}", whole[missing]);
    }
}

fn ties_to_a_place(sources: &[Source]) -> Vec<String> {
    let places = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("npmjs", ".org"),
        concat!("deb.", "debian", ".org"),
        concat!("static.rust", "-lang.org"),
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let mut findings = Vec::new();
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            for place in places.iter().filter(|place| line.contains(**place)) {
                findings.push(format!(
                    "{}:{}: `{place}` exists on one machine or is somebody's host",
                    source.path,
                    at + 1
                ));
            }
        }
    }
    findings
}

#[test]
fn nothing_is_tied_to_one_machine_or_a_registry() {
    let all =
        ["src", "tests", "migrations", "providers", ".ci", "README.md", "SECURITY.md", "Cargo.toml", ".gitignore"];
    let all: Vec<&str> = all.into_iter().filter(|path| Path::new(path).exists()).collect();
    none(&ties_to_a_place(&sources(&all)));
    let path = concat!("cp /ho", "me/an/key .");
    assert_eq!(ties_to_a_place(&[Source::new("tests/run", path)]).len(), 1);
}

fn lonely_migrations(files: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut numbers: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for file in files {
        let name = file.rsplit_once('/').map_or(file.as_str(), |(_, name)| name);
        match name.split_once('_').and_then(|(number, _)| number.parse().ok()) {
            Some(number) => numbers.entry(number).or_default().push(file),
            None => findings.push(format!("{file}: does not begin with its number")),
        }
        for (one, other) in [("/sqlite/", "/postgres/"), ("/postgres/", "/sqlite/")] {
            if file.contains(one) && !files.contains(&file.replace(one, other)) {
                findings.push(format!("{file}: has no pair in migrations{other}"));
            }
        }
    }
    for (expected, (number, files)) in (1..).zip(&numbers) {
        if *number != expected {
            findings.push(format!("{}: the one before it is missing", files[0]));
        }
        let names: BTreeSet<&str> =
            files.iter().map(|file| file.rsplit_once('/').map_or(*file, |(_, name)| name)).collect();
        if names.len() > 1 {
            findings.push(format!("migrations {number}: two with one number"));
        }
    }
    findings
}

#[test]
fn migrations_are_one_stream_and_come_in_pairs() {
    let files = |paths: &[&str]| paths.iter().map(|path| format!("migrations/{path}")).collect::<Vec<_>>();
    let there: Vec<String> = sources(&["migrations"]).into_iter().map(|source| source.path).collect();
    none(&lonely_migrations(&there));
    none(&lonely_migrations(&files(&["0001_a.sql", "sqlite/0002_b.sql", "postgres/0002_b.sql"])));
    assert_eq!(lonely_migrations(&files(&["0001_a.sql", "sqlite/0002_b.sql"])).len(), 1);
    assert_eq!(lonely_migrations(&files(&["0001_a.sql", "0003_b.sql"])).len(), 1);
    assert_eq!(lonely_migrations(&files(&["0001_a.sql", "0001_b.sql"])).len(), 1);
    assert_eq!(lonely_migrations(&files(&["first.sql"])).len(), 1);
}

fn unexplained_dependencies(manifest: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut section = "";
    for (at, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            section = line.trim();
        } else if section.ends_with("dependencies]") && line.contains('=') && !line.starts_with('#') {
            let reason = line.rsplit_once("# ").map_or("", |(_, reason)| reason.trim());
            if reason.is_empty() {
                findings.push(format!("Cargo.toml:{}: no reason after the dependency (`# why`)", at + 1));
            }
        }
    }
    findings
}

#[test]
fn each_dependency_has_a_reason() {
    none(&unexplained_dependencies(&fs::read_to_string("Cargo.toml").expect("Cargo.toml")));
    none(&unexplained_dependencies(
        "[dependencies]\n# Web.\naxum = \"0.8\" # HTTP\n[lints.rust]\nunsafe_code = \"forbid\"",
    ));
    assert_eq!(unexplained_dependencies("[dev-dependencies]\naxum = \"0.8\"\n").len(), 1);
    assert_eq!(unexplained_dependencies("[dependencies]\naxum = \"0.8\" #\n").len(), 1);
}
