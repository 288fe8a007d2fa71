//! `phiward config`

use clap::Subcommand;
use figment::Figment;
use figment::value::Value;

use super::{Outcome, output};
use crate::config::{Config, GlobalFlags, origin, redact_url};
use crate::error::CliError;

/// Show the configuration in force.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print every key, its value, and where the value came from
    Show,
}

impl ConfigCommand {
    pub fn run(self, flags: &GlobalFlags) -> Result<Outcome, CliError> {
        let (config, figment) = Config::load(flags)?;
        let ConfigCommand::Show = self;
        let value = figment::value::Value::serialize(&config)
            .map_err(|e| CliError::new(format!("cannot show the configuration: {e}")))?;
        let mut rows = Vec::new();
        flatten(String::new(), &value, &figment, &mut rows);
        let widest = |pick: fn(&(String, String, String)) -> usize| rows.iter().map(pick).max().unwrap_or(0);
        let (keys, values) = (widest(|r| r.0.len()), widest(|r| r.1.len()).min(60));
        for (key, value, from) in &rows {
            output::line(format_args!("{key:keys$}  {value:values$}  # {from}"));
        }
        Ok(Outcome::Done)
    }
}

fn flatten(path: String, value: &Value, figment: &Figment, rows: &mut Vec<(String, String, String)>) {
    match value.as_dict() {
        Some(dict) if !dict.is_empty() => {
            for (key, value) in dict {
                let quoted = if key.contains('.') { format!("{key:?}") } else { key.clone() };
                let path = if path.is_empty() { quoted } else { format!("{path}.{quoted}") };
                flatten(path, value, figment, rows);
            }
        }
        _ => {
            let shown = match value.as_str() {
                Some(text) => format!("{:?}", redact_url(text)),
                None => serde_json::to_string(value).unwrap_or_default(),
            };
            let shown = if shown == "{}" || shown == "null" { "(none)".to_owned() } else { shown };
            // A key with dots in it has no path of its own; the table it stands in tells where it came from.
            let table = path.split_once(".\"").map_or(path.as_str(), |(table, _)| table);
            let from = figment.find_metadata(table).map_or_else(|| "default".to_owned(), |m| origin(m, table));
            rows.push((path, shown, from));
        }
    }
}
