"""Reading Java and Kotlin: Maven's modules and Gradle's projects."""

from pathlib import Path

import pytest

from tests.trees import command_in, commands_in, edges, facts_of, managers_in, member_in, survey_of

SPACE = 'xmlns="http://maven.apache.org/POM/4.0.0"'


def pom(artifact: str, body: str = "", *, group: str = "org.shop") -> str:
    own = f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<project {SPACE}>{own}{body}</project>'


def dependency(artifact: str, group: str = "org.shop") -> str:
    return f"<dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId></dependency></dependencies>"


@pytest.mark.parametrize(("files", "program"), [({}, "mvn"), ({"mvnw": ""}, "./mvnw")])
def test_the_maven_wrapper_is_used_where_there_is_one(tmp_path: Path, files: dict[str, str], program: str) -> None:
    survey = survey_of(tmp_path, {"pom.xml": pom("shop"), "src/main/java/A.java": "", **files})

    assert commands_in(survey) == {"test": f"{program} test", "build": f"{program} -DskipTests package"}
    assert managers_in(survey) == [("maven", next(iter(files), "pom.xml"))]


def test_maven_modules_are_run_from_their_root(tmp_path: Path) -> None:
    survey = survey_of(
        tmp_path,
        {
            "pom.xml": pom("shop", "<modules><module>core</module><module>web/pom.xml</module></modules>"),
            "core/pom.xml": pom("core"),
            "web/pom.xml": pom("web", dependency("core", "${project.groupId}")),
        },
    )

    test = command_in(survey, "test", "web")
    assert edges(survey) == {"web": ("core",)}
    assert (" ".join(test.argv), test.folder) == ("mvn -pl web -am test", ".")


def test_a_modules_group_comes_from_its_parent(tmp_path: Path) -> None:
    child = "<project><parent><groupId>org.shop</groupId></parent><artifactId>core</artifactId></project>"

    survey = survey_of(
        tmp_path,
        {
            "pom.xml": pom("shop", "<modules><module>core</module><module>web</module></modules>"),
            "core/pom.xml": child,
            "web/pom.xml": pom("web", dependency("core")),
        },
    )

    assert edges(survey) == {"web": ("core",)}


def test_maven_plugins_say_how_to_lint_and_format(tmp_path: Path) -> None:
    plugins = "".join(
        f"<plugin><artifactId>{name}</artifactId></plugin>"
        for name in ("maven-checkstyle-plugin", "spotless-maven-plugin")
    )

    survey = survey_of(tmp_path, {"pom.xml": pom("shop", f"<build><plugins>{plugins}</plugins></build>")})

    assert (commands_in(survey)["lint"], commands_in(survey)["format"]) == (
        "mvn checkstyle:check",
        "mvn spotless:apply",
    )
    assert command_in(survey, "lint").source == "pom.xml maven-checkstyle-plugin"


def test_poms_that_contain_each_other_come_to_an_end(tmp_path: Path) -> None:
    loop = "<modules><module>../core</module><module>..</module></modules>"

    survey = survey_of(tmp_path, {"pom.xml": pom("shop", loop), "core/pom.xml": pom("core", loop)})

    assert [member.path for member in survey.members] == [".", "core"]


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><project>&b;</project>'

    facts = facts_of(tmp_path, {"pom.xml": bomb})

    assert facts.survey.members == ()
    assert "pom.xml declares a document type and was ignored" in facts.notes


def test_a_single_gradle_build_has_a_wrapper_and_plugins(tmp_path: Path) -> None:
    build = "plugins {\n  id 'java'\n  id 'checkstyle'\n  id 'com.diffplug.spotless' version '6'\n}\n"

    survey = survey_of(tmp_path, {"build.gradle": build, "gradlew": "", "src/main/java/A.java": ""})

    assert commands_in(survey) == {
        "test": "./gradlew test",
        "lint": "./gradlew checkstyleMain",
        "build": "./gradlew assemble",
        "format": "./gradlew spotlessApply",
    }


@pytest.mark.parametrize(
    ("settings", "text", "uses"),
    [
        ("settings.gradle", "include 'core', ':web'\n", "dependencies { implementation project(':core') }"),
        ("settings.gradle", "include(\n  'core',\n  'web'\n)\n", "dependencies { api project(path: ':core') }"),
        ("settings.gradle.kts", 'include(":core", ":web")\n', 'dependencies { implementation(project(":core")) }'),
        (
            "settings.gradle.kts",
            'include(":core")\ninclude(":web")\n',
            "dependencies { implementation(projects.core) }",
        ),
    ],
)
def test_gradle_projects_are_run_from_their_root(tmp_path: Path, settings: str, text: str, uses: str) -> None:
    build = "build.gradle.kts" if settings.endswith("kts") else "build.gradle"

    survey = survey_of(
        tmp_path,
        {settings: f"// include 'old'\nrootProject.name = 'shop'\n{text}", f"core/{build}": "", f"web/{build}": uses},
    )

    test = command_in(survey, "test", "web")
    assert edges(survey) == {"web": ("core",)}
    assert (" ".join(test.argv), test.folder, member_in(survey, ".").name) == ("gradle :web:test", ".", "shop")


def test_a_gradle_project_may_lie_elsewhere_and_be_kotlin(tmp_path: Path) -> None:
    settings = 'include(":core")\nproject(":core").projectDir = file("libs/core")\n'

    survey = survey_of(
        tmp_path, {"settings.gradle.kts": settings, "libs/core/build.gradle.kts": 'plugins { kotlin("jvm") }\n'}
    )

    assert member_in(survey, "libs/core").language == "Kotlin"
