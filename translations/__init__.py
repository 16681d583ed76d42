"""How it is said: PO catalogues, plural rules, directions, names of languages. Knows no dialog, no channel, no database."""
