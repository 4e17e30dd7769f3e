"""The rules for people of a directory. What asks the directory is ``portal.signin.directory``."""
