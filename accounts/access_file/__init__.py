"""The access file: which accounts and roles exist and who may enter them, as one YAML document.

A file goes through these modules in this order: ``document`` (text to values with their lines),
``schema`` (values to specs, every value checked), ``plan`` (specs against what the database holds,
read by ``state``), ``apply`` (the plan, all or nothing). ``export`` writes the database as a file.
"""
