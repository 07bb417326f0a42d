"""The table of guards."""

from tests.mutation import ledger_guards, notice_guards, owed_guards, schema_guards, wave_guards, wire_guards

GUARDS = ledger_guards.GUARDS + wire_guards.GUARDS + notice_guards.GUARDS + schema_guards.GUARDS + owed_guards.GUARDS
GUARDS += wave_guards.GUARDS
