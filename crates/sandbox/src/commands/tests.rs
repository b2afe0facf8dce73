use super::*;

fn call(id: u32, args: &str, after: u32) -> Call {
    Call { id, name: "a".into(), args: args.into(), after }
}

fn asked(calls: &[Call], cancelled: &[Cancelled], consumed: u32) -> Asked {
    Asked { calls: calls.to_vec(), cancelled: cancelled.to_vec(), logs: vec![], consumed, blocked: true }
}

fn recorded() -> Commands {
    let calls = [call(1, "1", 0), call(2, "2", 0), call(3, "3", 1)];
    Commands::new(calls.iter().map(Made::from).collect(), vec![Cancelled { id: 2, after: 1 }])
}

#[test]
fn the_same_again_is_nothing_new() {
    let mut commands = recorded();
    let first = commands.check(asked(&[call(1, "1", 0), call(2, "2", 0)], &[], 0)).unwrap();
    assert_eq!(first, New::default());
    assert!(!commands.is_caught_up());
    let rest = asked(&[call(3, "3", 1), call(4, "4", 1)], &[Cancelled { id: 2, after: 1 }], 1);
    assert_eq!(commands.check(rest).unwrap().calls, [call(4, "4", 1)]);
    assert!(commands.is_caught_up());
    assert_eq!(commands.finish(), Ok(()));
}

#[test]
fn anything_else_is_a_divergence() {
    let first = |calls: &[Call]| recorded().check(asked(calls, &[], 0)).unwrap_err();
    assert!(matches!(first(&[call(1, "x", 0)]), Divergence::Call { .. }), "arguments");
    assert!(matches!(first(&[Call { name: "b".into(), ..call(1, "1", 0) }]), Divergence::Call { .. }), "name");
    assert!(matches!(first(&[call(1, "1", 1)]), Divergence::Call { .. }), "time");
    assert!(matches!(first(&[call(1, "1", 0)]), Divergence::MissingCall(made) if made.id == 2));
    let both = [call(1, "1", 0), call(2, "2", 0)];
    let other = asked(&both, &[Cancelled { id: 1, after: 0 }], 0);
    assert!(matches!(recorded().check(other).unwrap_err(), Divergence::Cancelled { .. }));
    let never = asked(&[call(1, "1", 0), call(2, "2", 0), call(3, "3", 1)], &[], 1);
    assert!(matches!(recorded().check(never).unwrap_err(), Divergence::MissingCancel(_)));
    let sides = first(&[call(1, "{\n\"x\": 1}", 0)]).to_string();
    assert!(sides.starts_with("before: call 1 of a (") && sides.contains("; now: call 1 of a ("), "{sides}");
    assert!(sides.ends_with(" after 0 answers: { \"x\": 1}"), "{sides}");
    assert!(recorded().finish().unwrap_err().to_string().starts_with("before: call 1 of a"));
}
