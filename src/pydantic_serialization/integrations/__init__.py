"""What connects the library to other people's: web frameworks, databases, HTTP clients, queues.

Each file or folder bears the name of the library that it connects to, and is imported by that name; nothing is imported
here, so that none of these libraries has to be installed.
"""
