//! The process's metrics, as Prometheus text.

/// What the parts have counted, behind what this program is.
pub fn text(parts: &[String]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "# HELP hubline_build_info The program that answers.\n\
         # TYPE hubline_build_info gauge\n\
         hubline_build_info{{version=\"{version}\"}} 1\n"
    );
    for part in parts {
        text.push_str(part);
        if !part.is_empty() && !part.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_ends_its_last_line() {
        let text = text(&["a 1".into(), String::new(), "b 2\n".into()]);
        assert!(text.ends_with("} 1\na 1\nb 2\n"), "{text}");
    }
}
