//! Plans as CSV, one row a change. Spreadsheets run what looks like a formula; here nothing does.

use std::io::Write as _;
use std::path::Path;

use crate::error::CliError;
use crate::files;
use engine::act::PlanDocument;

const HEADER: [&str; 10] = ["side", "tenant", "operation", "title", "address", "reason", "property", "before", "after", "held"];

/// A cell that no spreadsheet takes for a formula, nor a part of it where the spreadsheet divides cells at another letter than a comma.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars().filter(|letter| !letter.is_control() || "\n\t\r".contains(*letter)) {
        if begins && "=+-@\t\r".contains(letter) {
            out.push('\'');
        }
        // A part that is quoted, or begins with a blank, is one all the same.
        begins = ";|\t\r\n".contains(letter) || begins && (letter == ' ' || letter == '"');
        out.push(letter);
    }
    out
}

/// Writes a plan to a new file that only its owner can read: it holds people's names and addresses.
pub(crate) fn write(path: &Path, plan: &PlanDocument) -> Result<(), CliError> {
    let failed = |error: csv::Error| CliError::failed(format!("{}: the CSV file cannot be written: {error}", path.display()));
    let mut file = files::new_private(path)?;
    // By this mark a spreadsheet knows that names are UTF-8.
    file.write_all("\u{feff}".as_bytes()).map_err(|error| CliError::file(path, "written", &error))?;
    let mut writer = csv::Writer::from_writer(file);
    for row in rows(plan) {
        writer.write_record(row.iter().map(|text| cell(text))).map_err(failed)?;
    }
    writer.flush().map_err(|error| CliError::file(path, "written", &error))
}

fn rows(plan: &PlanDocument) -> Vec<[String; 10]> {
    let mut rows = vec![HEADER.map(str::to_owned)];
    for operation in &plan.operations {
        let row = |property: &str, before: Option<&str>, after: Option<&str>| {
            [
                operation.side.to_string(),
                operation.tenant.clone(),
                operation.operation.clone(),
                operation.title.clone(),
                operation.address.clone(),
                operation.reason.clone(),
                property.to_owned(),
                before.unwrap_or_default().to_owned(),
                after.unwrap_or_default().to_owned(),
                if operation.held { "held".to_owned() } else { String::new() },
            ]
        };
        if operation.changes.is_empty() {
            rows.push(row("", None, None));
        }
        rows.extend(operation.changes.iter().map(|change| row(&change.property, change.before.as_deref(), change.after.as_deref())));
        // What differs and stays: `before` is what stands there, `after` what the source says.
        rows.extend(operation.kept.iter().map(|kept| {
            let mut row = row(&kept.property, kept.before.as_deref(), kept.after.as_deref());
            "keep".clone_into(&mut row[2]);
            row
        }));
    }
    for note in &plan.notes {
        let mut row = [const { String::new() }; 10];
        row[0] = note.side.to_string();
        row[1].clone_from(&note.tenant);
        "note".clone_into(&mut row[2]);
        row[3].clone_from(&note.title);
        row[5].clone_from(&note.note);
        rows.push(row);
    }
    for skipped in &plan.skipped {
        let mut row = [const { String::new() }; 10];
        row[0] = skipped.side.to_string();
        row[1].clone_from(&skipped.tenant);
        row[2] = format!("skip:{}", skipped.code);
        row[3].clone_from(&skipped.title);
        row[4] = skipped.address.clone().unwrap_or_default();
        row[5].clone_from(&skipped.reason);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1+1", "+41 44 000", "-2", "@SUM(A1)"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for (formula, escaped) in [
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("Ann;=cmd|'/c calc'!A1", "Ann;'=cmd|'/c calc'!A1"),
            ("Ann;\"=1\";x", "Ann;\"'=1\";x"),
            ("Ann; =1", "Ann; '=1"),
            ("Ann\n@SUM(A1)", "Ann\n'@SUM(A1)"),
        ] {
            assert_eq!(cell(formula), escaped);
        }
        for plain in ["", "Ann", "a=b", "1-2", "'=1", "a;b", "a; b"] {
            assert_eq!(cell(plain), plain);
        }
    }

    #[test]
    fn a_plan_becomes_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.csv");
        write(&path, &crate::show::plan::tests::sample()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("\u{feff}side,tenant,operation,title,"), "{text}");
        assert!(text.contains("b,fabrikam,update,'=Ann,ann@contoso.example,edited at its source,Phone,'+41,'+42,\n"), "{text}");
        assert!(text.contains("skip:hidden"), "{text}");
    }
}
