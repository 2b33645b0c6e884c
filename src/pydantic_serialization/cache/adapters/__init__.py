"""Other libraries' stores as the shared tier of a cache; one file for each library, imported by whoever has it.

========================================================  =======================================================
:class:`~.mapping.MappingTier`                            any ``MutableMapping``: a dict, ``cachetools``, a shelf
:class:`~.django.DjangoTier`                              Django's ``CACHES``
:class:`~.dogpile.DogpileTier`                            a region of dogpile.cache
:class:`~.cashews.CashewsTier`                            a cache of cashews
:class:`~.aiocache.AiocacheTier`                          a cache of aiocache
========================================================  =======================================================

Each is a :class:`~pydantic_serialization.cache.SharedTier` and stores bytes as they are: none of them pickles.
"""
