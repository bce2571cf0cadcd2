# The install scripts, generated: every file of an extension's folder in name order, with CREATE OR REPLACE
# turned into CREATE, so that nobody can plant an object for the script to adopt.

SQL_SCRIPTS := $(BUILD)/sql/soupvec--$(VERSION).sql $(BUILD)/sql/machinesoup--$(VERSION).sql

$(BUILD)/sql/soupvec--$(VERSION).sql: $(sort $(wildcard sql/soupvec/*.sql))
$(BUILD)/sql/machinesoup--$(VERSION).sql: $(sort $(wildcard sql/machinesoup/*.sql))
$(SQL_SCRIPTS): sql/module.mk Makefile
	@mkdir -p $(@D)
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION $(word 1,$(subst --, ,$(@F)))" to load this file. \quit'; \
	   cat $(filter %.sql,$^) | sed 's/CREATE OR REPLACE/CREATE/'; } > $@

all: $(SQL_SCRIPTS)

.PHONY: install-sql
install: install-sql
install-sql: $(SQL_SCRIPTS)
	install -d $(DESTDIR)$(PG_SHAREDIR)/extension
	install -m 644 $(SQL_SCRIPTS) $(wildcard sql/upgrade/*--*.sql) $(DESTDIR)$(PG_SHAREDIR)/extension/
