//! One `phiward up` for one data folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use crate::config::Config;
use crate::error::CliError;

/// Makes the data folder, readable by its owner only, and holds it for this process. The lock goes with the process,
/// however it ends.
pub fn data_folder(config: &Config) -> Result<File, CliError> {
    let folder = &config.data;
    let failed = |what: &str, error: std::io::Error| {
        CliError::new(format!("cannot {what} the data folder {}: {error}", folder.display()))
            .help("choose another with --data DIR or PHIWARD_DATA")
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| failed("make", e))?;
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| failed("write to", e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(CliError::new(format!("another phiward is running on the data folder {}", folder.display()))
                .help("stop it, or choose another folder with --data DIR"))
        }
        Err(TryLockError::Error(error)) => Err(failed("lock", error)),
    }
}
