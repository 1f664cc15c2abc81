//! Where the next page of an answer is, and when there is none.
//!
//! A listing ends or fails, it never runs for ever: an API that repeats its token, its link or its page is
//! an error, since what lies behind is unknown.

use pacbot_schemas::{NextPage, Request};
use url::Url;

use crate::decode::Answer;

/// More pages than any listing of AWS has.
pub(crate) const MAX_PAGES: u64 = 100_000;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// The first, without anything to say so.
    First,
    /// Input parameters from the page before.
    Tokens(Vec<(String, String)>),
    /// A number, counted from 1.
    Number(String, u64),
    /// An address from the page before.
    Link(Url),
}

/// Why the rest of a listing is out of reach.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PagingError {
    #[error("the API repeats its page token")]
    Repeated,
    #[error("the API says that there are more pages, but not where")]
    NoToken,
    #[error("the listing has more than {MAX_PAGES} pages")]
    TooManyPages,
    #[error("`{link}` is no address of a next page")]
    Link { link: String, source: url::ParseError },
}

impl Position {
    pub(crate) fn first(request: &Request) -> Self {
        match &request.next_page {
            NextPage::Number(parameter) => Self::Number(parameter.clone(), 1),
            _ => Self::First,
        }
    }

    /// The page after `answer`, which was read at this position and holds `items` items.
    ///
    /// # Errors
    ///
    /// [`PagingError`] if there is one that cannot be asked for.
    pub(crate) fn next(
        &self,
        request: &Request,
        answer: &Answer<'_>,
        items: usize,
    ) -> Result<Option<Self>, PagingError> {
        let next = match &request.next_page {
            NextPage::None => None,
            NextPage::Token { tokens, more } => {
                let more = more.as_ref().map(|more| answer.text_at(more).is_some_and(|more| more == "true"));
                if more == Some(false) {
                    return Ok(None);
                }
                let found = tokens.iter().filter_map(|(parameter, path)| {
                    let token = answer.text_at(path).filter(|token| !token.is_empty())?;
                    Some((parameter.clone(), token))
                });
                let found: Vec<_> = found.collect();
                if found.is_empty() && more == Some(true) {
                    return Err(PagingError::NoToken);
                }
                (!found.is_empty()).then_some(Self::Tokens(found))
            }
            NextPage::Number(parameter) => match self {
                Self::Number(_, number) if items > 0 => Some(Self::Number(parameter.clone(), number + 1)),
                _ => None,
            },
            NextPage::Link(path) => match answer.text_at(path).filter(|link| !link.is_empty()) {
                Some(link) => {
                    let parsed = Url::parse(&link);
                    Some(Self::Link(parsed.map_err(|source| PagingError::Link { link, source })?))
                }
                None => None,
            },
        };
        match next {
            Some(next) if next == *self => Err(PagingError::Repeated),
            next => Ok(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use pacbot_schemas::AssetTypeDef;

    use super::*;
    use crate::decode::RequestDecoder;
    use crate::testing::json_type;

    const ID: &str = r#"id = { type = "string", key = true, doc = "d" }"#;

    fn request(page: &str) -> Request {
        let file = json_type(ID).replace("permission", &format!("page = {page}\npermission"));
        AssetTypeDef::parse("test.toml", &file).unwrap().list().clone()
    }

    fn after(at: &Position, request: &Request, answer: &str, items: usize) -> Result<Option<Position>, PagingError> {
        let shape = RequestDecoder::new(&AssetTypeDef::parse("test.toml", &json_type(ID)).unwrap(), request);
        at.next(request, &shape.answer(answer).unwrap(), items)
    }

    fn tokens(token: &str) -> Position {
        Position::Tokens(vec![("In".to_owned(), token.to_owned())])
    }

    #[test]
    fn tokens_lead_on_until_they_are_empty() {
        let request = request(r#"{ next = { In = "Out.Token" } }"#);
        let next = |at: &Position, answer: &str| after(at, &request, answer, 0).unwrap();
        let first = Position::first(&request);
        assert_eq!(next(&first, r#"{"Out": {"Token": 7}}"#), Some(tokens("7")));
        assert_eq!(next(&tokens("7"), r#"{"Out": {"Token": "8"}}"#), Some(tokens("8")));
        for last in ["{}", r#"{"Out": {"Token": ""}}"#, r#"{"Out": {"Token": null}}"#, r#"{"Out": []}"#] {
            assert_eq!(next(&first, last), None, "{last}");
        }
        let error = after(&tokens("7"), &request, r#"{"Out": {"Token": "7"}}"#, 1).unwrap_err();
        assert_eq!(error.to_string(), "the API repeats its page token");
    }

    #[test]
    fn a_flag_decides_where_there_is_one() {
        let request = request(r#"{ next = { In = "Out" }, more = "More" }"#);
        let next = |answer: &str| after(&Position::First, &request, answer, 0);
        assert_eq!(next(r#"{"Out": "7", "More": true}"#).unwrap(), Some(tokens("7")));
        assert_eq!(next(r#"{"Out": "7", "More": "true"}"#).unwrap(), Some(tokens("7")));
        assert_eq!(next(r#"{"Out": "7", "More": false}"#).unwrap(), None);
        assert_eq!(next(r#"{"Out": "7"}"#).unwrap(), None);
        assert!(matches!(next(r#"{"More": true}"#), Err(PagingError::NoToken)));
    }

    #[test]
    fn numbers_count_until_a_page_is_empty() {
        let request = request(r#"{ number = "Page" }"#);
        let second = after(&Position::first(&request), &request, "{}", 2).unwrap().unwrap();
        assert_eq!(second, Position::Number("Page".to_owned(), 2));
        assert_eq!(after(&second, &request, "{}", 0).unwrap(), None);
    }

    #[test]
    fn links_are_addresses() {
        let request = request(r#"{ link = "next" }"#);
        let answer = r#"{"next": "https://x.test/a?b=1"}"#;
        let second = after(&Position::First, &request, answer, 2).unwrap().unwrap();
        assert_eq!(second, Position::Link(Url::parse("https://x.test/a?b=1").unwrap()));
        assert!(matches!(after(&second, &request, answer, 2), Err(PagingError::Repeated)));
        assert!(matches!(after(&second, &request, r#"{"next": "over there"}"#, 2), Err(PagingError::Link { .. })));
    }
}
