import json
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.artefact import shipped_model
from ostinato.domain.classifying.calibration import Calibration, probabilities, refit, softmax
from ostinato.domain.classifying.escalation import UNSURE
from ostinato.domain.classifying.features import READ_CHARS, UNIT, normalise, read
from ostinato.domain.classifying.model import TYPES, packed, unpacked
from ostinato.domain.classifying.prediction import predict
from scripts.classify_eval import DEVELOPMENT, Figures, figures_of, missed, rows_of
from scripts.demo import REQUEST as DEMO
from tests.e2e.test_task_types import TYPES as REQUESTED

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = ROOT / "ostinato" / "domain" / "data"
EXPLICIT = [json.loads(line) for line in (HERE / "explicit_requests.jsonl").read_text("utf-8").splitlines()]
STRANGE = [
    "bitte mach das schneller", "パーサーを直してください", "Почини парсер", "xyzzy plugh", "12345 67890", "!!! ???", "😀 😀 😀", "do the thing",
]  # fmt: skip
GOLDEN = HERE / "predictions.jsonl"
NEARLY_PLAIN = {
    "fix the lint errors, my token is [redacted:github-token]": {"maintenance"},
    "Bitte lint aufräumen: 修复 lint errors": {"maintenance"},
    "add type hints": {"refactoring", "maintenance"},
    "remove the deprecated API": {"refactoring", "maintenance"},
    "improve error messages": {"code_implementation", "ui_design"},
    "add logging to the worker": {"code_implementation"},
    "delete all user data older than 30 days": {"code_implementation"},
    "make the test suite faster": {"performance_optimization"},
    "benchmark the parser": {"performance_optimization"},
    "run black on the whole repository": {"maintenance"},
}
"""Of each any of these types is right."""
PREDICT = (
    "import json, sys\n"
    "from ostinato.domain.classifying.artefact import shipped_model\n"
    "from ostinato.domain.classifying.prediction import predict\n"
    "for line in sys.stdin:\n"
    "    found = predict(json.loads(line), shipped_model())\n"
    "    print(json.dumps([[r.task_type, r.p] for r in found.ranked[:3]] + list(found.because)))\n"
)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return figures_of(shipped_model(), rows_of(DEVELOPMENT))


def test_the_development_split_stays_above_every_bar(figures: Figures) -> None:
    assert missed(figures) == []


def test_the_figures_next_to_the_artefact_are_those_it_has(figures: Figures) -> None:
    card = json.loads((DATA / "classifier.json").read_text("utf-8"))

    assert card["development"] == figures.rounded()
    assert card["sha256"] == sha256((DATA / "classifier.bin").read_bytes()).hexdigest() == shipped_model().digest


def test_the_artefact_is_small_and_made_from_the_rows_that_are_kept() -> None:
    card = json.loads((DATA / "classifier.json").read_text("utf-8"))

    made_from = {path.name: sha256(path.read_bytes()).hexdigest() for path in (ROOT / "training").glob("*.json*")}

    assert (DATA / "classifier.bin").stat().st_size <= 250_000
    assert card["made_from"] == made_from


def test_the_manifest_names_every_source_with_its_licence_and_rows() -> None:
    manifest = json.loads((ROOT / "training" / "manifest.json").read_text("utf-8"))

    for name, said in manifest["files"].items():
        path = ROOT / "training" / name
        assert said["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert sum(source["rows"] for source in said["sources"]) == said["rows"] == len(rows_of(path))
        assert all(
            source["licence"].split("-")[0] in ("MIT", "Apache", "BSD", "MIT OR Apache") for source in said["sources"]
        )


def test_no_repository_is_in_both_splits() -> None:
    learnt = {row.source for row in rows_of(ROOT / "training" / "requests.jsonl")}

    assert not learnt & {row.source for row in rows_of(DEVELOPMENT)}


@pytest.mark.parametrize("trained", [True, False])
def test_every_plain_request_is_given_its_type(trained: bool) -> None:
    asked = [each for each in EXPLICIT if each["trained"] is trained]

    wrong = [
        each["text"] for each in asked if predict(each["text"], shipped_model()).ranked[0].task_type != each["label"]
    ]

    assert wrong == []


@pytest.mark.parametrize(("text", "right"), NEARLY_PLAIN.items())
def test_a_request_with_an_aside_or_between_two_types_is_given_one_that_fits(text: str, right: set[str]) -> None:
    assert predict(text, shipped_model()).ranked[0].task_type in right


def test_almost_every_plain_request_is_sure_enough_to_be_taken() -> None:
    unsure = [each["text"] for each in EXPLICIT if predict(each["text"], shipped_model()).ranked[0].p < UNSURE]

    assert len(unsure) <= len(EXPLICIT) // 50


@pytest.mark.parametrize("task_type", TaskType)
def test_the_requests_that_other_tests_and_the_demo_make_are_surely_of_their_type(task_type: TaskType) -> None:
    asked = [DEMO] if task_type is TaskType.MAINTENANCE else []

    found = [predict(text, shipped_model()).ranked[0] for text in (*asked, REQUESTED[task_type].request)]

    assert all(each.task_type is task_type and each.p >= UNSURE for each in found)


def test_plain_requests_cover_every_type_and_half_of_them_were_never_trained_on() -> None:
    learnt = {row.text for name in ("requests", "explicit") for row in rows_of(ROOT / "training" / f"{name}.jsonl")}

    kept_back = [each for each in EXPLICIT if not each["trained"]]

    assert len(EXPLICIT) >= 290
    assert len(kept_back) * 2 >= len(EXPLICIT)
    assert {each["label"] for each in kept_back} == set(TaskType)
    assert not learnt & {each["text"] for each in kept_back}


@pytest.mark.parametrize("text", ["", " ", "\n\n", "a", "…", *STRANGE, "\x00 \x00", "word " * 5000, "é" * 900])
def test_whatever_it_cannot_read_gets_a_low_probability_and_no_exception(text: str) -> None:
    found = predict(text, shipped_model())

    assert found.ranked[0].p < 0.45
    assert found.because


def test_probabilities_are_of_all_types_and_add_up_to_one() -> None:
    found = predict("fix the crash on empty input", shipped_model())

    assert {each.task_type for each in found.ranked} == set(TaskType)
    assert sum(each.p for each in found.ranked) == pytest.approx(1, abs=0.001)


def test_the_explanation_names_the_rule_and_the_words() -> None:
    because = predict("audit this project", shipped_model()).because

    assert because[0] == "security_audit: auditing ('audit')"
    assert any(reason.startswith("the words 'audit' (") for reason in because)


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_predictions_are_the_same_under_every_hash_seed(seed: str) -> None:
    kept = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]

    done = subprocess.run(
        [sys.executable, "-c", PREDICT],
        input="\n".join(json.dumps(each["text"]) for each in kept),
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert [json.loads(line) for line in done.stdout.splitlines()] == [each["found"] for each in kept]


def test_it_is_loaded_and_answers_within_milliseconds() -> None:
    artefact = (DATA / "classifier.bin").read_bytes()
    begun = time.process_time()
    model = unpacked(artefact)
    loading_s = time.process_time() - begun
    longest = "Add a retry. " * 100

    begun = time.process_time()
    for _ in range(20):
        predict(longest, model)

    assert loading_s < 0.1
    assert (time.process_time() - begun) / 20 < 0.008


def test_packing_a_model_loses_nothing() -> None:
    model = shipped_model()

    again = unpacked(packed(model))

    assert again == model


def test_an_artefact_of_another_version_is_refused() -> None:
    import zlib

    artefact = zlib.compress(
        zlib.decompress((DATA / "classifier.bin").read_bytes()).replace(b'"format": 2', b'"format": 9')
    )

    with pytest.raises(ValueError, match="another version"):
        unpacked(artefact)


@pytest.mark.parametrize(
    ("text", "title"),
    [("Please could you fix the parser?", "fix the parser"), ("I'd like you to add a flag", "add a flag"),
     ("- Hi, can you review it?", "review it"), ("how does it work?", "how does it work?"), ("please", "please"),
     ("review it, thanks!", "review it"), ("run it; my api key is [redacted:aws-key]", "run it"), ("log in with token [redacted:jwt] and deploy", "log in and deploy")],
)  # fmt: skip
def test_courtesies_are_not_read(text: str, title: str) -> None:
    assert normalise(text)[0] == title


def test_the_body_counts_apart_and_the_end_of_a_long_text_not_at_all() -> None:
    reading = read("fix the parser\nit hangs " + "x" * READ_CHARS + " deploy")

    assert reading.words == ("fix", "the", "parser")
    assert "b_hangs" in reading.weights
    assert "b_deploy" not in reading.weights


def test_repetition_counts_less_and_less() -> None:
    once, often = read("slow"), read("slow slow slow slow")

    assert once.weights["slow"] == UNIT
    assert UNIT < often.weights["slow"] < 3 * UNIT


def test_too_few_corrections_hardly_move_the_calibration() -> None:
    model = shipped_model()
    scores = model.scores(read("speed up the parser"))

    fitted = refit([(scores, TaskType.REFACTORING)], model)

    assert abs(fitted.bias[TYPES.index(TaskType.REFACTORING)]) < 0.2


def test_corrections_of_one_kind_raise_the_type_that_was_said() -> None:
    model = shipped_model()
    samples = [(model.scores(read(f"tidy up module {n}")), TaskType.REFACTORING) for n in range(60)]

    fitted = refit(samples, model)

    place = TYPES.index(TaskType.REFACTORING)
    before = probabilities(samples[0][0], model)[place]
    assert probabilities(samples[0][0], model, fitted)[place] > before
    assert (len(fitted.bias), fitted.corrections) == (12, 60)


def test_right_answers_that_were_confirmed_sharpen_the_probabilities() -> None:
    model = shipped_model()
    plain = [(model.scores(read(each["text"])), TaskType(each["label"])) for each in EXPLICIT]

    assert refit(plain, model).temperature < model.temperature


def test_a_calibration_for_another_model_is_not_used() -> None:
    other = Calibration(model="linear-0/abc", temperature=9.0, bias=(0.0,) * 12, corrections=50)

    assert predict("fix the parser", shipped_model(), other) == predict("fix the parser", shipped_model())


def test_softmax_of_huge_scores_does_not_overflow() -> None:
    assert softmax([1e6, 0.0]) == (1.0, 0.0)
