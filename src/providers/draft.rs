//! A new provider's folder, made from one that is much like it, so that it passes its check from the first minute on.

use std::collections::BTreeMap;

use super::folder::{self, Folder};
use crate::fault::{Kind, Refusal};

/// The vectors that a new folder begins with, where the folder it is made from has them. Published samples and what is
/// peculiar to that provider stay behind.
const BEGIN: [&str; 13] = [
    "genuine",
    "forged",
    "forged-no-header",
    "forged-signature",
    "outgoing",
    "told-twice",
    "unknown-field",
    "missing-field",
    "wrong-type",
    "amount-zero",
    "amount-fraction",
    "stale",
    "not-json",
];

/// The files of a new folder by their path in it.
///
/// # Errors
/// Refused: a name that cannot stand in an address or is taken, or a provider to be like that is not known.
pub fn draft(name: &str, like: &str) -> Result<BTreeMap<String, Vec<u8>>, Refusal> {
    let folders = folder::embedded();
    if !is_name(name) {
        return Err(Refusal::new(
            Kind::Shape,
            "wrong-provider-name",
            "Tên nhà cung cấp gồm 2 đến 40 chữ thường a-z, chữ số và dấu gạch nối, bắt đầu bằng một chữ cái.",
            "A provider's name is 2 to 40 of a-z, digits and hyphens, begins with a letter and does not end with a hyphen.",
        ));
    }
    if folders.iter().any(|folder| folder.name == name) {
        let (vi, en) = (format!("Đã có nhà cung cấp {name}."), format!("There is a provider {name} already."));
        return Err(Refusal::new(Kind::Conflict, "provider-exists", vi, en));
    }
    let Some(from) = folders.iter().find(|folder| folder.name == like) else {
        let known = folders.iter().map(|folder| folder.name.as_str()).collect::<Vec<_>>().join(", ");
        let vi = format!("Không có nhà cung cấp {like}; hiện có {known}.");
        let en = format!("There is no provider {like}; known are {known}.");
        return Err(Refusal::new(Kind::Absent, "unknown-provider", vi, en));
    };
    let mut files = BTreeMap::from([("provider.toml".to_owned(), spec(from, name))]);
    for (file, bytes) in &from.vectors {
        let bytes = match file.rsplit_once('.') {
            Some((vector, "http")) if BEGIN.contains(&vector) => readdressed(bytes, like, name),
            Some((vector, _)) if BEGIN.contains(&vector) => renamed(bytes, like, name),
            _ => continue,
        };
        files.insert(format!("vectors/{file}"), bytes);
    }
    Ok(files)
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=40).contains(&name.len())
        && name.bytes().all(is_letter)
        && name.starts_with(|char: char| char.is_ascii_lowercase())
        && !name.ends_with('-')
}

/// The same words with the new name; the comments say what to look at.
fn spec(from: &Folder, name: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&from.spec);
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match line.split_once(" = ") {
            Some(("title", _)) => lines.push(format!("title = \"{name}\"")),
            Some(("title_vi", _)) => {}
            Some(("documents", _)) => lines.push("documents = \"where the bank's own pages say all this\"".to_owned()),
            _ => lines.push(line.to_owned()),
        }
    }
    let begun = format!("# Made from {}. providers/README.md says what each word means.\n", from.name);
    (begun + &lines.join("\n") + "\n").into_bytes()
}

/// A reason names the new provider's file.
fn renamed(want: &[u8], like: &str, name: &str) -> Vec<u8> {
    let file = |name: &str| format!("{name}/provider.toml");
    String::from_utf8_lossy(want).replace(&file(like), &file(name)).into_bytes()
}

/// The request line names the new provider; nothing else of the request is touched.
fn readdressed(request: &[u8], like: &str, name: &str) -> Vec<u8> {
    let end = request.iter().position(|&byte| byte == b'\n').unwrap_or(request.len());
    let line =
        String::from_utf8_lossy(&request[..end]).replacen(&format!("/hook/{like}/"), &format!("/hook/{name}/"), 1);
    [line.as_bytes(), &request[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::*;

    #[test]
    fn a_folder_made_from_any_provider_passes_its_check() {
        for like in folder::embedded() {
            let files = draft("ward-bank", &like.name).expect("a folder");
            let spec = files["provider.toml"].clone();
            let vectors =
                files.into_iter().filter_map(|(file, bytes)| Some((file.strip_prefix("vectors/")?.to_owned(), bytes)));
            let folder =
                Folder { name: "ward-bank".to_owned(), path: "ward-bank".to_owned(), spec, vectors: vectors.collect() };
            assert_eq!(check(&[folder]).faults, Vec::<String>::new(), "like {}", like.name);
        }
    }

    #[test]
    fn a_name_that_is_taken_or_cannot_stand_in_an_address_is_refused() {
        let code = |name: &str, like: &str| draft(name, like).map(|_| ()).expect_err("refused").code;
        for name in ["", "a", "Bank", "bank_1", "1bank", "bank-", "../bank", "ngân-hàng", &"a".repeat(41)] {
            assert_eq!(code(name, "sepay"), "wrong-provider-name", "{name}");
        }
        assert_eq!(code("sepay", "payos"), "provider-exists");
        assert_eq!(code("ward-bank", "nobody"), "unknown-provider");
    }
}
