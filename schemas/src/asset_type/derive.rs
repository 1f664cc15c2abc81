//! Checks the columns that are made of others, and finds the request that they depend on.

use super::validate::{Mistakes, SCOPE_PLACES};
use super::*;

/// How the file says that a column is made, where it is.
pub(super) fn of_spec(mistakes: &mut Mistakes<'_>, name: &Spanned<String>, spec: &ColumnSpec) -> Option<Derived> {
    let derived = match (&spec.template, &spec.has_any, &spec.begins) {
        (None, None, None) => return None,
        (Some(template), None, None) => Derived::Text(mistakes.template(template)),
        (None, Some(column), None) => Derived::HasAny(column.get_ref().clone()),
        (None, None, Some(begins)) => {
            let BeginsSpec { column, with } = begins.get_ref();
            Derived::Begins { column: column.clone(), with: mistakes.template(with) }
        }
        _ => {
            mistakes.add(name.span(), "a column is made by one of `template`, `has_any` and `begins`", None);
            return None;
        }
    };
    let is_text = matches!(derived, Derived::Text(_));
    if ColumnType::parse(spec.r#type.get_ref())
        .is_ok_and(|given| given != if is_text { ColumnType::String } else { ColumnType::Bool })
    {
        let message = if is_text { "`template` makes a `string`" } else { "`has_any` and `begins` make a `bool`" };
        mistakes.add(spec.r#type.span(), message, None);
    }
    let is_fed = spec.path.is_some() || spec.from.is_some() || spec.entry.is_some() || spec.words.is_some();
    if is_fed || spec.key || spec.case.is_some() || spec.format != TimestampFormat::default() {
        let message = format!("`{}` is made of other columns: it has a type and a doc besides", name.get_ref());
        mistakes.add(name.span(), message, None);
    }
    Some(derived)
}

/// Gives every derived column the request that what it is made of comes from.
pub(super) fn requests(
    mistakes: &mut Mistakes<'_>,
    specs: &IndexMap<Spanned<String>, ColumnSpec>,
    columns: &mut [Column],
) {
    let fed: IndexMap<String, (ColumnType, String)> = columns
        .iter()
        .filter(|column| column.derived.is_none())
        .map(|column| (column.name.clone(), (column.column_type.clone(), column.from.clone())))
        .collect();
    for (spec, column) in specs.values().zip(columns) {
        let Some(derived) = &column.derived else { continue };
        let span = match (&spec.template, &spec.has_any, &spec.begins) {
            (Some(template), ..) => template.span(),
            (_, Some(column), _) => column.span(),
            (.., Some(begins)) => begins.span(),
            _ => spec.r#type.span(),
        };
        let mut from: Option<&String> = None;
        for (index, place) in derived.places().into_iter().enumerate() {
            let is_tested = index == 0 && !matches!(derived, Derived::Text(_));
            let (head, member) = place.split_once('.').map_or((place, None), |(head, member)| (head, Some(member)));
            let Some((column_type, request)) = fed.get(head) else {
                if is_tested || !SCOPE_PLACES.contains(&place) {
                    let near =
                        nearest(head, fed.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                    mistakes.add(span.clone(), format!("`{place}` is no column that a request feeds"), near);
                }
                continue;
            };
            let (wanted, fits) = match derived {
                Derived::HasAny(_) => {
                    ("a list or an int", matches!(column_type, ColumnType::List(_) | ColumnType::Int))
                }
                Derived::Begins { .. } if is_tested => ("a string", *column_type == ColumnType::String),
                _ if member.is_some() => ("a map", *column_type == ColumnType::Map),
                _ => (
                    "a string, int or bool",
                    matches!(column_type, ColumnType::String | ColumnType::Int | ColumnType::Bool),
                ),
            };
            if !fits || is_tested && member.is_some() {
                mistakes.add(span.clone(), format!("`{head}` is not {wanted}"), None);
            }
            // What `list` says is known whenever the asset is.
            match from {
                _ if request == "list" => {}
                Some(other) if other != request => {
                    let message = format!("`{other}` and `{request}` feed it: it may depend on one request and `list`");
                    mistakes.add(span.clone(), message, None);
                }
                _ => from = Some(request),
            }
        }
        if let Some(from) = from {
            column.from.clone_from(from);
        }
    }
}
