"""Campaigns of hostile input: each does one thing wrong at a time, very often, and knows what has to come of it.

``make test`` runs each of them for as many executions as :mod:`hostile.campaigns` says; ``make campaign HOURS=8`` shares
the hours among them and prints what was executed and what was found.
"""
