"""A stated type is a lesson: it is kept for `refit`."""

from ostinato.cli.call import Call


def note_statement(call: Call, text: str) -> bool:
    """Keeps a type that was given with --type; True when it differs from the classifier's. A full disk stops nobody."""
    if not call.arguments.type:
        return False
    from ostinato.adapters.corrections import keep_correction, load_calibration
    from ostinato.domain.classification import TaskType
    from ostinato.domain.classifying.artefact import shipped_model
    from ostinato.domain.classifying.prediction import predict
    from ostinato.domain.errors import ExternalError

    model, said = shipped_model(), TaskType(call.arguments.type)
    predicted = predict(text, model, load_calibration(call.home)).ranked[0].task_type
    try:
        kept = keep_correction(call.home, text, predicted=predicted, said=said, model=model.version)
    except (OSError, ExternalError) as error:
        call.terminal.say(f"note: the type you stated could not be kept for refit: {error}")
        return False
    return kept.differs
