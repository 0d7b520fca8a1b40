"""Whatever is shown to an agent: the more exact word counts, and nothing hidden is seen by accident."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.agents.sandboxing import Enclosure, Mount, MountKind, OwnRepository, SystemPlace, mounts

names = st.sampled_from(["a", "b", "usr", "opt", "home", "tmp"])
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: PurePosixPath("/", *parts))
some = st.lists(paths, max_size=3).map(tuple)


@st.composite
def enclosures(draw: st.DrawFn) -> Enclosure:
    return Enclosure(
        tree=draw(paths) / "tree",
        private=draw(paths) / "private",
        temporary=draw(paths) / "temporary",
        system=tuple(SystemPlace(path=path) for path in (PurePosixPath("/usr"), PurePosixPath("/opt"))),
        hidden=draw(some),
        readable=draw(some),
        repository=draw(st.none() | st.builds(OwnRepository, place=paths, objects=paths.map(lambda path: path / "o"))),
        gateway=draw(st.none() | paths),
        entrance=PurePosixPath("/entrance.py"),
    )


def is_shown(path: PurePosixPath, made: tuple[Mount, ...]) -> bool:
    """What the last mount around the path says; nothing is there before the first."""
    around = [mount for mount in made if path.is_relative_to(mount.target)]
    return bool(around) and around[-1].kind is not MountKind.EMPTY


@given(enclosures())
def test_no_mount_lies_under_a_later_one(enclosure: Enclosure) -> None:
    made = mounts(enclosure)

    for number, later in enumerate(made):
        assert not any(
            earlier.target != later.target and earlier.target.is_relative_to(later.target) for earlier in made[:number]
        )


@given(enclosures(), paths)
def test_what_is_hidden_is_only_seen_where_something_in_it_was_named(
    enclosure: Enclosure, below: PurePosixPath
) -> None:
    made = mounts(enclosure)

    for place in enclosure.hidden:
        inner = place.joinpath(*below.parts[1:])
        named = [mount for mount in made if mount.kind is not MountKind.EMPTY and mount.target.is_relative_to(place)]
        if not any(inner.is_relative_to(mount.target) for mount in named):
            assert not is_shown(inner, made) or inner.is_relative_to("/tmp")
