//! The pages of one listing as one answer.
//!
//! Columns of a follow-up are read from the answer's root, so an answer of several pages must look like one.

use pacbot_schemas::{NextPage, Request, Step};

use crate::decode::json_text::{find, members, push_member};
use crate::reader::ReadPage;

/// The first page with the items of all pages, without its page tokens, which differ from call to call.
pub(crate) fn joined(request: &Request, mut pages: Vec<ReadPage>) -> String {
    let Some((path, first)) = request.items.as_ref().and_then(|path| Some((path, path.0.first()?))) else {
        return pages.pop().map(|page| page.answer).unwrap_or_default();
    };
    if pages.len() == 1 {
        return pages.pop().map(|page| page.answer).unwrap_or_default();
    }
    let items: Vec<&str> = pages.iter().flat_map(|page| find(&page.answer, path)).collect();
    let tokens: Vec<&str> = match &request.next_page {
        NextPage::Token { tokens, more } => {
            tokens.values().chain(more).filter_map(|path| path.0.first()).map(|step| step.name.as_str()).collect()
        }
        _ => Vec::new(),
    };
    let mut answer = String::from("{");
    let root = pages.first().and_then(|page| members(&page.answer)).unwrap_or_default();
    for (name, member) in root.into_iter().filter(|(name, _)| *name != first.name && !tokens.contains(&&**name)) {
        push_member(&mut answer, &name, member);
    }
    push_member(&mut answer, &first.name, &nested(&path.0, &format!("[{}]", items.join(","))));
    answer.push('}');
    answer
}

/// The value of the first step; lists on the way to the items have become one.
fn nested(steps: &[Step], list: &str) -> String {
    let [step, rest @ ..] = steps else { return list.to_owned() };
    let Some(next) = rest.first() else { return list.to_owned() };
    let mut object = String::from("{");
    push_member(&mut object, &next.name, &nested(rest, list));
    object.push('}');
    if step.list { format!("[{object}]") } else { object }
}

#[cfg(test)]
mod tests {
    use pacbot_schemas::AssetTypeDef;

    use super::*;
    use crate::decode::Items;
    use crate::testing::json_type;

    fn join(items: &str, pages: &[&str]) -> String {
        let file = json_type(r#"id = { type = "string", key = true, doc = "d" }"#).replace("Things[]", items).replace(
            "permission",
            r#"page = { next = { In = "Token" } }
permission"#,
        );
        let request = AssetTypeDef::parse("test.toml", &file).unwrap().list().clone();
        let read = |page: &&str| ReadPage {
            answer: (*page).to_owned(),
            items: Items::default(),
            next: None,
            hash: 0,
            unready: None,
        };
        joined(&request, pages.iter().map(read).collect())
    }

    #[test]
    fn one_page_is_as_it_was() {
        assert_eq!(join("L[]", &[r#"{"L": [1], "Token": "t"}"#]), r#"{"L": [1], "Token": "t"}"#);
    }

    #[test]
    fn pages_are_one_list_in_its_place() {
        let joined = join("L[]", &[r#"{"Other": 7, "L": [1], "Token": "t"}"#, r#"{"L": [2, 3]}"#]);
        assert_eq!(joined, r#"{"Other":7,"L":[1,2,3]}"#);
        let deep =
            join("A[].B.L[]", &[r#"{"A": [{"B": {"L": [1]}}, {"B": {"L": [2]}}]}"#, r#"{"A": [{"B": {"L": [3]}}]}"#]);
        assert_eq!(deep, r#"{"A":[{"B":{"L":[1,2,3]}}]}"#);
    }
}
