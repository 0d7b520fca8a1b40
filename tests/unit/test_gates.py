from ostinato.domain.gates import Level, Status, failed_gates, judge, unproven_gates
from tests.builders import a_finding, a_gate, an_observation


def test_what_the_base_had_does_not_fail_a_gate() -> None:
    verdict = judge(an_observation(findings=[a_finding(line=9)]), an_observation(findings=[a_finding(line=3)]))

    assert verdict.status is Status.PASS
    assert (verdict.introduced_count, verdict.inherited_count) == (0, 1)


def test_a_second_finding_of_the_same_kind_is_new() -> None:
    verdict = judge(an_observation(findings=[a_finding(), a_finding()]), an_observation(findings=[a_finding()]))

    assert (verdict.status, verdict.introduced_count) == (Status.FAIL, 1)


def test_information_alone_fails_nothing() -> None:
    verdict = judge(an_observation(findings=[a_finding(level=Level.INFO)]), an_observation())

    assert verdict.status is Status.PASS


def test_a_gate_that_did_not_run_is_skipped_and_unproven() -> None:
    verdict = judge(an_observation(ran=False, code="environment_missing", cure="install it"), None)

    assert (verdict.status, verdict.unproven, verdict.recommendation) == (Status.SKIPPED, True, "install it")


def test_nothing_to_check_is_skipped_and_not_held_against_the_run() -> None:
    assert not judge(an_observation(ran=False, code="nothing_to_check"), None).unproven


def test_code_from_elsewhere_fails_the_gate() -> None:
    verdict = judge(an_observation("tests", foreign=("shop",)), an_observation("tests"))

    assert (verdict.status, verdict.code) == (Status.FAIL, "foreign_code")


def test_fewer_tests_than_before_warn() -> None:
    head = an_observation("tests", metrics={"collected": 3, "passed": 3})
    base = an_observation("tests", metrics={"collected": 4, "passed": 4})

    assert judge(head, base).code == "tests_fewer"


def test_low_coverage_warns() -> None:
    head = an_observation("tests", metrics={"collected": 3, "passed": 3, "coverage_pct": 79.9})

    assert judge(head, None).code == "coverage_low"


def test_failed_and_unproven_gates_are_found() -> None:
    gates = [a_gate(), a_gate(status=Status.FAIL), a_gate(status=Status.SKIPPED, unproven=True)]

    assert [len(failed_gates(gates)), len(unproven_gates(gates))] == [1, 1]
