//! How the machine starts.

use std::collections::BTreeMap;

use super::facts::BootFacts;
use super::root::{Gaps, Root, why};

const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Reads boot protection; `labels` are those of the configuration.
pub fn read(root: &Root, labels: &BTreeMap<String, String>, gaps: &mut Gaps) -> Option<BootFacts> {
    Some(BootFacts {
        secure_boot: secure_boot(root, gaps),
        grub_password: grub_password(root, gaps),
        labels: labels.clone(),
    })
}

fn secure_boot(root: &Root, gaps: &mut Gaps) -> Option<bool> {
    match root.bytes(SECURE_BOOT) {
        // Four bytes of attributes, then the value.
        Ok(Some(bytes)) if bytes.len() >= 5 => Some(bytes[4] == 1),
        Ok(Some(_)) => {
            gaps.add("boot.secure_boot", "the firmware's variable SecureBoot is cut short");
            None
        }
        // Started without UEFI, so without Secure Boot.
        Ok(None) if root.exists("/sys/kernel") && !root.exists("/sys/firmware/efi") => Some(false),
        Ok(None) => {
            gaps.add("boot.secure_boot", "the firmware's variables are not mounted (efivarfs)");
            None
        }
        Err(error) => {
            gaps.add("boot.secure_boot", why(SECURE_BOOT, &error));
            None
        }
    }
}

/// A superuser and a password are set in GRUB. `None` without GRUB.
fn grub_password(root: &Root, gaps: &mut Gaps) -> Option<bool> {
    let mut any = false;
    let (mut user, mut password) = (false, false);
    for path in ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub2/user.cfg", "/boot/grub/user.cfg"] {
        match root.text(path) {
            Ok(Some(text)) => {
                any = true;
                for line in text.lines().map(str::trim) {
                    user |= line.starts_with("set superusers=");
                    password |= line.starts_with("password_pbkdf2 ") || line.starts_with("password ");
                    if line.starts_with("GRUB2_PASSWORD=") {
                        (user, password) = (true, true);
                    }
                }
            }
            Ok(None) => {}
            Err(error) => {
                gaps.add("boot.grub_password", why(path, &error));
                return None;
            }
        }
    }
    any.then_some(user && password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn secure_boot_states() {
        let tree = Tree::new(&[("sys/kernel/x", "")]);
        let ask = |tree: &Tree| secure_boot(&tree.root(), &mut Gaps::default());
        assert_eq!(ask(&tree), Some(false));
        tree.write("sys/firmware/efi/x", b"");
        assert_eq!(ask(&tree), None);
        tree.write(SECURE_BOOT.trim_start_matches('/'), &[6, 0, 0, 0, 1]);
        assert_eq!(ask(&tree), Some(true));
        tree.write(SECURE_BOOT.trim_start_matches('/'), &[6, 0]);
        assert_eq!(ask(&tree), None);
        assert_eq!(ask(&Tree::new(&[])), None);
    }

    #[test]
    fn a_password_of_grub_and_no_hash_in_the_facts() {
        let tree = Tree::new(&[(
            "boot/grub/grub.cfg",
            "set superusers=\"root\"\npassword_pbkdf2 root grub.pbkdf2.sha512.10000.AB\n",
        )]);
        let facts = read(&tree.root(), &BTreeMap::new(), &mut Gaps::default()).unwrap();
        assert_eq!(facts.grub_password, Some(true));
        assert!(!serde_json::to_string(&facts).unwrap().contains("pbkdf2"));
        let half = Tree::new(&[("boot/grub/grub.cfg", "set superusers=\"root\"\n")]);
        assert_eq!(grub_password(&half.root(), &mut Gaps::default()), Some(false));
        assert_eq!(grub_password(&Tree::new(&[]).root(), &mut Gaps::default()), None);
    }
}
