//! Where provider folders come from: inside the binary, or a directory. Both look the same afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::fault::{OrFault, Result};

/// The folders of `/providers`, of the same version as the program.
static EMBEDDED: Dir = include_dir!("$CARGO_MANIFEST_DIR/providers");

/// One provider's files.
pub struct Folder {
    /// The folder's name, which is the provider's.
    pub name: String,
    /// The folder as messages call it: `providers/sepay`, or its path on disk.
    pub path: String,
    /// What `provider.toml` says.
    pub spec: Vec<u8>,
    /// The files of `vectors`, by name.
    pub vectors: BTreeMap<String, Vec<u8>>,
}

/// The folders inside the binary.
pub fn embedded() -> Vec<Folder> {
    let mut folders = Vec::new();
    for directory in EMBEDDED.dirs() {
        let name = directory.path().to_string_lossy().into_owned();
        let Some(spec) = directory.get_file(directory.path().join("provider.toml")) else { continue };
        let vectors = directory.get_dir(directory.path().join("vectors"));
        let files = vectors.into_iter().flat_map(Dir::files).filter_map(|file| {
            let name = file.path().file_name()?.to_str()?.to_owned();
            is_vector(&name).then(|| (name, file.contents().to_vec()))
        });
        folders.push(Folder {
            path: format!("providers/{name}"),
            name,
            spec: spec.contents().to_vec(),
            vectors: files.collect(),
        });
    }
    folders
}

/// The folders of a directory, or the one folder that it is itself.
///
/// # Errors
/// Something in it cannot be read.
pub fn on_disk(directory: &Path) -> Result<Vec<Folder>> {
    if directory.join("provider.toml").is_file() {
        return Ok(vec![one(&std::path::absolute(directory).or_fault("find the provider's folder")?)?]);
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).or_fault(&format!("read {}", directory.display()))? {
        let path = entry.or_fault(&format!("read {}", directory.display()))?.path();
        if path.join("provider.toml").is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| one(path)).collect()
}

fn one(folder: &Path) -> Result<Folder> {
    let read = |path: &Path| std::fs::read(path).or_fault(&format!("read {}", path.display()));
    let mut vectors = BTreeMap::new();
    let inside = folder.join("vectors");
    if inside.is_dir() {
        for entry in std::fs::read_dir(&inside).or_fault(&format!("read {}", inside.display()))? {
            let path = entry.or_fault(&format!("read {}", inside.display()))?.path();
            if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| is_vector(name)) {
                vectors.insert(name.to_owned(), read(&path)?);
            }
        }
    }
    Ok(Folder {
        name: folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        path: folder.display().to_string(),
        spec: read(&folder.join("provider.toml"))?,
        vectors,
    })
}

fn is_vector(name: &str) -> bool {
    matches!(name.rsplit_once('.'), Some((_, "http" | "want")))
}

#[cfg(test)]
mod tests {
    use super::super::{Provider, Providers};
    use super::*;

    #[test]
    fn the_folders_inside_the_program_are_those_beside_its_source() {
        let beside = on_disk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("providers")).expect("the folders");
        let inside = embedded();
        assert_eq!(inside.len(), beside.len());
        for (inside, beside) in inside.iter().zip(&beside) {
            assert_eq!((&inside.name, &inside.spec), (&beside.name, &beside.spec));
            assert!(inside.vectors == beside.vectors, "{}", inside.name);
        }
    }

    #[test]
    fn a_local_folder_wins_over_the_one_of_the_program() {
        let directory = tempfile::tempdir().expect("a directory");
        let local = directory.path().join("sepay");
        std::fs::create_dir(&local).expect("a folder");
        let spec = include_str!("../../providers/sepay/provider.toml").replace("\"SePay\"", "\"SePay of our ward\"");
        std::fs::write(local.join("provider.toml"), spec).expect("a file");
        let all = Providers::load(directory.path()).expect("providers");
        assert_eq!(all.get("sepay").map(Provider::title), Some("SePay of our ward"));
        assert!(all.get("payos").is_some());
    }
}
