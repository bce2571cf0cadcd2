-- The DBA's functions: orgs, principals, rights, models, keys. Each is SECURITY DEFINER, opens the platform scope dba and
-- runs soup.dba_<name>, which checks all arguments before it writes anything.

CREATE FUNCTION soup.check_name(what text, name text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF name IS NULL OR name = '' THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', what || ' must not be empty');
    ELSIF length(name) > 200 THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', what || ' is longer than 200 characters');
    ELSIF name ~ '[[:cntrl:]]' THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', what || ' must not contain control characters');
    END IF;
END
$body$;
COMMENT ON FUNCTION soup.check_name(text, text) IS 'Refuses a name that is empty, longer than 200 characters or has control characters.';

CREATE FUNCTION soup.find_org(name text) RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    found_org uuid;
BEGIN
    IF find_org.name IS NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'org must not be null');
    END IF;
    SELECT o.org INTO found_org FROM soup.org o WHERE o.name = find_org.name;
    IF NOT FOUND THEN
        PERFORM soup.fail('P0002', 'NOT_FOUND', format('org "%s" does not exist', find_org.name));
    END IF;
    RETURN found_org;
END
$body$;
COMMENT ON FUNCTION soup.find_org(text) IS 'The org of that name, or NOT_FOUND. For the DBA''s functions.';

CREATE FUNCTION soup.find_model(org uuid, name text) RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    found_model uuid;
BEGIN
    IF find_model.name IS NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'model must not be null');
    END IF;
    SELECT m.model INTO found_model FROM soup.model m WHERE m.org = find_model.org AND m.name = find_model.name;
    IF NOT FOUND THEN
        PERFORM soup.fail('P0002', 'NOT_FOUND', format('model "%s" does not exist in this org', find_model.name));
    END IF;
    RETURN found_model;
END
$body$;
COMMENT ON FUNCTION soup.find_model(uuid, text) IS 'The model of that name in the org, or NOT_FOUND. For the DBA''s functions.';

CREATE FUNCTION soup.find_principal(username text) RETURNS soup.principal
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    found_principal soup.principal;
BEGIN
    IF find_principal.username IS NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'username must not be null');
    END IF;
    SELECT p.* INTO found_principal FROM soup.principal p WHERE p.username = find_principal.username;
    IF NOT FOUND THEN
        PERFORM soup.fail('P0002', 'NOT_FOUND', format('principal "%s" does not exist', find_principal.username));
    END IF;
    RETURN found_principal;
END
$body$;
COMMENT ON FUNCTION soup.find_principal(text) IS 'The principal of that name, or NOT_FOUND. For the DBA''s functions.';

-- Passphrases and keys, by libsodium.

CREATE FUNCTION soup.hash_passphrase(passphrase text) RETURNS text
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'soup_hash_passphrase';
COMMENT ON FUNCTION soup.hash_passphrase(text) IS 'Argon2id hash with a fresh salt. Refuses what cannot be a passphrase.';

CREATE FUNCTION soup.check_passphrase(passphrase text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF passphrase IS NULL OR length(passphrase) < 8 THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'passphrase must have at least 8 characters');
    END IF;
END
$body$;
COMMENT ON FUNCTION soup.check_passphrase(text) IS 'Refuses a passphrase of fewer than 8 characters. What hash_passphrase refuses comes on top.';

CREATE FUNCTION soup.new_key(OUT public_key bytea, OUT secret_key bytea, OUT mac_key bytea)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'soup_new_key';
COMMENT ON FUNCTION soup.new_key() IS 'A fresh Ed25519 pair and a MAC key.';

CREATE FUNCTION soup.dba_rotate_signing_key() RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    fresh record := soup.new_key();
    number integer;
BEGIN
    LOCK TABLE soup.signing_key IN SHARE ROW EXCLUSIVE MODE;
    SELECT coalesce(max(k.key_id), 0) + 1 INTO number FROM soup.signing_key k;
    -- No token outlives the longest life that the settings allow, so the old keys need not verify for longer.
    UPDATE soup.signing_key k SET valid_to = least(k.valid_to, clock_timestamp() + make_interval(secs => l.longest_s))
      FROM (SELECT max(s.setting::integer) AS longest_s FROM pg_settings s WHERE s.name LIKE 'soup.token\_life\_%') l
     WHERE k.valid_to > clock_timestamp();
    INSERT INTO soup.signing_key (key_id, public_key, secret_key, mac_key)
    VALUES (number, fresh.public_key, fresh.secret_key, fresh.mac_key);
    RETURN number;
END
$body$;
COMMENT ON FUNCTION soup.dba_rotate_signing_key() IS 'Implementation of soup.rotate_signing_key.';

CREATE FUNCTION soup.rotate_signing_key() RETURNS integer
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.rotate_signing_key() IS
    'Makes a new key sign tokens from now on and returns its number. Earlier keys verify until no token of theirs can live any more (the longest soup.token_life_*_s); page tokens made before become invalid.';

-- The first key. It is not part of a dump: who holds a dump must not be able to sign. A restored database gets its own.
SELECT soup.dba_rotate_signing_key();

CREATE FUNCTION soup.dba_add_org(name text) RETURNS uuid
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    added uuid;
BEGIN
    PERFORM soup.check_name('name of the org', dba_add_org.name);
    INSERT INTO soup.org AS o (name) VALUES (dba_add_org.name) ON CONFLICT DO NOTHING RETURNING o.org INTO added;
    IF added IS NULL THEN
        PERFORM soup.fail('40000', 'CONFLICT', format('org "%s" exists already', dba_add_org.name));
    END IF;
    RETURN added;
END
$body$;
COMMENT ON FUNCTION soup.dba_add_org(text) IS 'Implementation of soup.add_org.';

CREATE FUNCTION soup.add_org(name text) RETURNS uuid
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.add_org(text) IS 'Adds a customer and returns its identifier.';

CREATE FUNCTION soup.dba_add_principal(org text, username text, kind text, passphrase text) RETURNS uuid
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    needs_org boolean;
    in_org uuid;
    added uuid;
    hash text;
BEGIN
    PERFORM soup.check_name('username', dba_add_principal.username);
    IF dba_add_principal.kind IS NULL
       OR dba_add_principal.kind NOT IN ('producer', 'consumer', 'data_scientist', 'org_admin', 'operator') THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'kind is unknown',
                          'It is one of producer, consumer, data_scientist, org_admin, operator.');
    END IF;
    needs_org := dba_add_principal.kind NOT IN ('data_scientist', 'operator');
    IF needs_org AND dba_add_principal.org IS NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', format('a principal of kind %s belongs to an org', dba_add_principal.kind));
    ELSIF NOT needs_org AND dba_add_principal.org IS NOT NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', format('a principal of kind %s belongs to no org', dba_add_principal.kind));
    ELSIF needs_org THEN
        in_org := soup.find_org(dba_add_principal.org);
    END IF;
    PERFORM soup.check_passphrase(dba_add_principal.passphrase);
    hash := soup.hash_passphrase(dba_add_principal.passphrase);
    INSERT INTO soup.principal AS p (org, username, kind)
    VALUES (in_org, dba_add_principal.username, dba_add_principal.kind)
    ON CONFLICT DO NOTHING RETURNING p.principal INTO added;
    IF added IS NULL THEN
        PERFORM soup.fail('40000', 'CONFLICT', format('username "%s" is taken', dba_add_principal.username));
    END IF;
    INSERT INTO soup.credential (principal, slot, passphrase_hash) VALUES (added, 1, hash);
    RETURN added;
END
$body$;
COMMENT ON FUNCTION soup.dba_add_principal(text, text, text, text) IS 'Implementation of soup.add_principal.';

CREATE FUNCTION soup.add_principal(org text, username text, kind text, passphrase text) RETURNS uuid
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.add_principal(text, text, text, text) IS
    'Adds a principal with a passphrase. org is the org''s name, null for data_scientist and operator. It has no rights until they are granted.';

CREATE FUNCTION soup.dba_set_passphrase(username text, passphrase text, overlap interval DEFAULT '0') RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    owner soup.principal := soup.find_principal(dba_set_passphrase.username);
    hash text;
    kept smallint;
BEGIN
    PERFORM soup.check_passphrase(dba_set_passphrase.passphrase);
    IF dba_set_passphrase.overlap IS NULL OR dba_set_passphrase.overlap < '0' OR dba_set_passphrase.overlap > '30 days' THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'overlap must be from 0 to 30 days');
    END IF;
    hash := soup.hash_passphrase(dba_set_passphrase.passphrase);
    -- The row's lock keeps two changes of one principal apart; without overlap its tokens end as well.
    UPDATE soup.principal p SET epoch = p.epoch + CASE WHEN dba_set_passphrase.overlap = '0' THEN 1 ELSE 0 END
     WHERE p.principal = owner.principal;
    SELECT c.slot INTO kept FROM soup.credential c
     WHERE c.principal = owner.principal AND dba_set_passphrase.overlap > '0' AND c.expires_at > clock_timestamp()
     ORDER BY c.created_at DESC, c.slot DESC LIMIT 1;
    DELETE FROM soup.credential c WHERE c.principal = owner.principal AND c.slot IS DISTINCT FROM kept;
    UPDATE soup.credential c SET expires_at = least(c.expires_at, clock_timestamp() + dba_set_passphrase.overlap)
     WHERE c.principal = owner.principal;
    INSERT INTO soup.credential (principal, slot, passphrase_hash)
    VALUES (owner.principal, CASE WHEN kept = 1 THEN 2 ELSE 1 END, hash);
END
$body$;
COMMENT ON FUNCTION soup.dba_set_passphrase(text, text, interval) IS 'Implementation of soup.set_passphrase.';

CREATE FUNCTION soup.set_passphrase(username text, passphrase text, overlap interval DEFAULT '0') RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.set_passphrase(text, text, interval) IS
    'Gives a principal a new passphrase. The present one stays good for the overlap; without overlap it ends now, and all tokens with it.';

CREATE FUNCTION soup.dba_disable_principal(username text, disabled boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    subject soup.principal := soup.find_principal(dba_disable_principal.username);
BEGIN
    IF dba_disable_principal.disabled IS NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'disabled must not be null');
    END IF;
    UPDATE soup.principal p SET disabled = dba_disable_principal.disabled, epoch = p.epoch + 1
     WHERE p.principal = subject.principal;
END
$body$;
COMMENT ON FUNCTION soup.dba_disable_principal(text, boolean) IS 'Implementation of soup.disable_principal.';

CREATE FUNCTION soup.disable_principal(username text, disabled boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.disable_principal(text, boolean) IS
    'Shuts a principal out, with disabled false lets it in again. Its tokens end either way.';

CREATE FUNCTION soup.dba_grant_right(username text, org text, model text, label_pattern text, "right" text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    grantee soup.principal := soup.find_principal(dba_grant_right.username);
    in_org uuid := soup.find_org(dba_grant_right.org);
    in_model uuid;
BEGIN
    IF grantee.org IS DISTINCT FROM in_org AND grantee.org IS NOT NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', format('principal "%s" belongs to another org', dba_grant_right.username));
    END IF;
    IF dba_grant_right.model IS NOT NULL THEN
        in_model := soup.find_model(in_org, dba_grant_right.model);
    END IF;
    PERFORM soup.check_name('label pattern', dba_grant_right.label_pattern);
    IF dba_grant_right."right" IS NULL
       OR dba_grant_right."right" NOT IN ('append', 'query', 'promote', 'stage', 'replay', 'inspect_raw', 'administer') THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'right is unknown',
                          'It is one of append, query, promote, stage, replay, inspect_raw, administer.');
    END IF;
    INSERT INTO soup."grant" (org, principal, model, label_pattern, "right")
    VALUES (in_org, grantee.principal, in_model, dba_grant_right.label_pattern, dba_grant_right."right")
    ON CONFLICT DO NOTHING;
END
$body$;
COMMENT ON FUNCTION soup.dba_grant_right(text, text, text, text, text) IS 'Implementation of soup.grant_right.';

CREATE FUNCTION soup.grant_right(username text, org text, model text, label_pattern text, "right" text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.grant_right(text, text, text, text, text) IS
    'Gives a right on labels that match a pattern (* stands for any run of characters) of a model, null: of all models of the org. Granting twice is granting once.';

CREATE FUNCTION soup.dba_revoke_right(username text, org text, model text, label_pattern text, "right" text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    grantee soup.principal := soup.find_principal(dba_revoke_right.username);
    in_org uuid := soup.find_org(dba_revoke_right.org);
    in_model uuid;
BEGIN
    IF dba_revoke_right.model IS NOT NULL THEN
        in_model := soup.find_model(in_org, dba_revoke_right.model);
    END IF;
    DELETE FROM soup."grant" g
     WHERE g.org = in_org AND g.principal = grantee.principal AND g.model IS NOT DISTINCT FROM in_model
       AND g.label_pattern = dba_revoke_right.label_pattern AND g."right" = dba_revoke_right."right";
    IF NOT FOUND THEN
        PERFORM soup.fail('P0002', 'NOT_FOUND', 'this right has not been granted');
    END IF;
END
$body$;
COMMENT ON FUNCTION soup.dba_revoke_right(text, text, text, text, text) IS 'Implementation of soup.revoke_right.';

CREATE FUNCTION soup.revoke_right(username text, org text, model text, label_pattern text, "right" text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.revoke_right(text, text, text, text, text) IS
    'Takes back what grant_right gave with the same arguments. Counts from the principal''s next call.';

CREATE FUNCTION soup.dba_add_model(org text, model text, partitions integer DEFAULT 1) RETURNS uuid
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    in_org uuid := soup.find_org(dba_add_model.org);
    added uuid;
BEGIN
    PERFORM soup.check_name('name of the model', dba_add_model.model);
    IF strpos(dba_add_model.model, '/') > 0 THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'name of the model must not contain a slash');
    END IF;
    IF dba_add_model.partitions IS NULL OR dba_add_model.partitions NOT BETWEEN 1 AND 1000 THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'partitions must be from 1 to 1000');
    END IF;
    INSERT INTO soup.model AS m (org, name) VALUES (in_org, dba_add_model.model)
    ON CONFLICT DO NOTHING RETURNING m.model INTO added;
    IF added IS NULL THEN
        PERFORM soup.fail('40000', 'CONFLICT', format('model "%s" exists already in this org', dba_add_model.model));
    END IF;
    INSERT INTO soup.partition (org, model, partition)
    SELECT in_org, added, p FROM generate_series(0, dba_add_model.partitions - 1) AS p;
    PERFORM soup.make_raw_leaf(in_org, (date_trunc('month', now() AT TIME ZONE 'UTC'))::date),
            soup.make_raw_leaf(in_org, (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date);
    RETURN added;
END
$body$;
COMMENT ON FUNCTION soup.dba_add_model(text, text, integer) IS 'Implementation of soup.add_model.';

CREATE FUNCTION soup.add_model(org text, model text, partitions integer DEFAULT 1) RETURNS uuid
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.add_model(text, text, integer) IS
    'Adds a model with that many partitions of its raw log. It has no version yet; what is appended waits for one.';
