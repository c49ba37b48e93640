"""Pure budget arithmetic: calendar periods, coverage of scopes by accounts, units of the ledger, burn-down."""
