//! `hearth trust`: a person's word that a folder's own files count, or no more.

use std::path::Path;

use kernel::disk::RealDisk;
use serde_json::{Value, json};

use super::invocation::{Form, TrustChange};
use super::line;
use super::reach::{Reach, Wish, is_person};
use crate::directories::Directories;
use crate::instance;
use crate::profile;
use crate::registry::{Fault, path_to_json};
use crate::trust;

pub(super) fn run(
    directories: &Directories,
    folder: &Path,
    change: TrustChange,
    form: Form,
) -> Result<String, Fault> {
    // What is wrong with the folder is said before anybody is asked for a passphrase.
    let (id, folder) = match change {
        TrustChange::Give => ("trust.grant", trust::real_folder(folder)?),
        TrustChange::Revoke => ("trust.revoke", trust::named_folder(folder)?),
    };
    if is_person() && instance::find(directories)?.is_none() {
        // As the first start would.
        directories.make()?;
        if profile::guard(&RealDisk, directories)?.is_none() {
            profile::open_or_make(&RealDisk, directories, profile::passphrase_file().as_deref())?;
        }
    }
    let reach = Reach::open(directories, Wish::Word)?;
    let path = path_to_json(Path::new(folder.as_str()));
    let answer: Value = reach.ask(id, json!({ "path": path }))?;
    if form == Form::Json {
        return Ok(line(&answer));
    }
    Ok(match change {
        TrustChange::Give => format!(
            "{folder} is trusted as it is now; when a file under .hearth/ in it changes, that \
             ends.\n"
        ),
        TrustChange::Revoke => format!("{folder} is not trusted.\n"),
    })
}
