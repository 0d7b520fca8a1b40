"""Files that run in a project's own interpreter, where nothing of Ostinato can be imported. The toolbox copies them."""
