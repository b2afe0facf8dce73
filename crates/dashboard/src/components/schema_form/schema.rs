//! Reads a schema into fields.

use serde_json::Value;

/// Fields of one form, nested ones included. A larger schema is filled in as JSON.
const MOST_FIELDS: usize = 60;
/// How deep objects nest before a field takes JSON.
const DEEPEST: usize = 3;

/// One input of the form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// JSON pointer into the input, e.g. `/city`.
    pub(crate) pointer: String,
    /// The schema's title, or the property's name.
    pub(crate) label: String,
    /// The schema's description.
    pub(crate) description: String,
    /// Whether the property must be there.
    pub(crate) required: bool,
    /// The schema's default.
    pub(crate) default: Option<Value>,
    /// What can be put in.
    pub(crate) kind: Kind,
}

/// What can be put into a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A text.
    Text {
        /// Whether to give it several lines.
        long: bool,
        /// `email`, `url`, `date` or `text`: the browser's input type.
        input_type: &'static str,
        /// Fewest characters.
        min_length: Option<u64>,
        /// Most characters.
        max_length: Option<u64>,
    },
    /// A number.
    Number {
        /// Whole numbers alone.
        whole: bool,
        /// The least, as the schema writes it.
        minimum: Option<String>,
        /// The most.
        maximum: Option<String>,
    },
    /// Yes or no.
    Flag,
    /// One of these.
    Choice(Vec<Value>),
    /// A list, one entry per line.
    Lines {
        /// Whether the entries are numbers.
        numbers: bool,
    },
    /// An object with fields of its own.
    Group(Vec<Field>),
    /// Anything else, as JSON.
    Json,
}

/// The fields of a schema, when it describes an object with properties.
pub(crate) fn read(schema: &Value) -> Option<Vec<Field>> {
    let mut count = 0;
    let fields = properties(schema, "", 1, &mut count)?;
    (count <= MOST_FIELDS && !fields.is_empty()).then_some(fields)
}

fn properties(schema: &Value, pointer: &str, depth: usize, count: &mut usize) -> Option<Vec<Field>> {
    let properties = schema.get("properties")?.as_object()?;
    if schema_type(schema).is_some_and(|name| name != "object") {
        return None;
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = Vec::new();
    for (name, property) in properties {
        *count += 1;
        if *count > MOST_FIELDS {
            return None;
        }
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        let kind = kind(property, &pointer, depth, count);
        fields.push(Field {
            label: text(property, "title").unwrap_or(name).to_owned(),
            description: text(property, "description").unwrap_or_default().to_owned(),
            required: required.contains(&name.as_str()),
            default: property.get("default").cloned(),
            pointer,
            kind,
        });
    }
    Some(fields)
}

fn kind(schema: &Value, pointer: &str, depth: usize, count: &mut usize) -> Kind {
    let composed = ["$ref", "oneOf", "anyOf", "allOf", "not", "if"].iter().any(|word| schema.get(word).is_some());
    if composed {
        return Kind::Json;
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return Kind::Choice(choices.iter().take(200).cloned().collect());
    }
    match schema_type(schema) {
        Some("string") => string(schema),
        Some(name @ ("integer" | "number")) => {
            let bound = |word: &str| schema.get(word).filter(|v| v.is_number()).map(Value::to_string);
            Kind::Number { whole: name == "integer", minimum: bound("minimum"), maximum: bound("maximum") }
        }
        Some("boolean") => Kind::Flag,
        Some("array") => match schema.get("items").and_then(schema_type) {
            Some("string") => Kind::Lines { numbers: false },
            Some("integer" | "number") => Kind::Lines { numbers: true },
            _ => Kind::Json,
        },
        Some("object") if depth < DEEPEST => {
            properties(schema, pointer, depth + 1, count).map_or(Kind::Json, Kind::Group)
        }
        _ => Kind::Json,
    }
}

fn string(schema: &Value) -> Kind {
    let number = |word: &str| schema.get(word).and_then(Value::as_u64);
    let format = text(schema, "format").unwrap_or_default();
    let input_type = match format {
        "email" => "email",
        "uri" | "url" => "url",
        "date" => "date",
        _ => "text",
    };
    let max_length = number("maxLength");
    let long = format.is_empty() && max_length.is_none_or(|most| most > 120);
    Kind::Text { long, input_type, min_length: number("minLength"), max_length }
}

fn schema_type(schema: &Value) -> Option<&str> {
    text(schema, "type")
}

fn text<'a>(schema: &'a Value, word: &str) -> Option<&'a str> {
    schema.get(word).and_then(Value::as_str)
}
