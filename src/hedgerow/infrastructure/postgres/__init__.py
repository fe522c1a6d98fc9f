"""PostgreSQL: tables, migrations, and the unit of work that saves everything at once."""
