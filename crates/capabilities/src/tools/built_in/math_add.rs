//! `math.add`

use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::{Number, Value};

use super::BuiltIn;
use crate::tools::{Begin, refused};

pub(super) static TOOL: BuiltIn = BuiltIn {
    name: "math.add",
    description: "Adds two numbers and answers with the sum. Exact for whole numbers of 64 bits.",
    parameters: r#"{
        "type": "object",
        "properties": {
            "a": { "type": "number", "description": "The first number." },
            "b": { "type": "number", "description": "The second number." }
        },
        "required": ["a", "b"],
        "additionalProperties": false
    }"#,
    effect: Effect::Pure,
    begin,
};

fn begin(arguments: &mut Value, _now: Timestamp) -> Begin {
    match (arguments.get("a"), arguments.get("b")) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => match add(a, b) {
            Some(sum) => Begin::Done(Value::Number(sum)),
            None => refused(TOOL.name, "the sum is out of range"),
        },
        _ => refused(TOOL.name, "a and b are numbers"),
    }
}

fn add(a: &Number, b: &Number) -> Option<Number> {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        let sum = a + b;
        return i64::try_from(sum).map(Number::from).or_else(|_| u64::try_from(sum).map(Number::from)).ok();
    }
    Number::from_f64(a.as_f64()? + b.as_f64()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        for (a, b, sum) in [
            ("2", "3", Some("5")),
            ("-2", "2", Some("0")),
            ("9007199254740993", "1", Some("9007199254740994")),
            ("9223372036854775807", "1", Some("9223372036854775808")),
            ("18446744073709551615", "-1", Some("18446744073709551614")),
            ("18446744073709551615", "1", None),
            ("-9223372036854775808", "-1", None),
            ("0.5", "1", Some("1.5")),
            ("1e308", "1e308", None),
        ] {
            let number = |text: &str| serde_json::from_str::<Number>(text).unwrap();
            assert_eq!(add(&number(a), &number(b)).map(|n| n.to_string()), sum.map(str::to_owned), "{a} + {b}");
        }
    }
}
