//! JSON text: writing and reading it, without any knowledge of Python.
