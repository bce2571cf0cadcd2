-- Another number of partitions: set_partitions, and what keeps each stream's order across it.
--
-- Streams are spread by hash over the partitions of the model's epoch, so another number of them sends a stream
-- elsewhere. set_partitions therefore seals the partitions there are and adds new ones, with numbers that were never
-- used, under the next epoch: an address goes on meaning the record that it meant. Within a partition records are
-- processed in offset order; from one epoch to the next order holds because a lane of a version begins with an epoch
-- only when it has processed all that it has to of the epochs before (soup.work_in_turn). Nothing is remembered for it:
-- intervals, heads and cursors say it, also for a version that is added or promoted later and reads the log from its
-- start.
--
-- Once true it stays true. Sealed partitions get no more records, and whatever gives a version something to do in an
-- epoch gives it all of the epochs before in the same transaction: a first promotion begins at offset 0 of every
-- partition, a later one where the version's intervals end.
--
-- So what a lane's processors kept of a stream at the end of an epoch is final, and goes with the stream: a partition's
-- first processor takes it over from the states in soup.cursor (bgworkers/inheritance.cpp), and windows go on as though
-- nothing had changed. Points depend on the log only, not on when a version came to read it.

-- The turn is found once for each version and lane that has work, in its first row, not once for each partition: a model
-- may have a thousand. Windows and no join, since the planner can't know how many rows there are.
CREATE VIEW soup.work_in_turn WITH (security_invoker) AS
    SELECT t.org, t.model, t.version, t.partition, t.lane, t.is_live, t.updated_at
      FROM (SELECT f.*, max(f.first_turn) OVER (PARTITION BY f.org, f.model, f.version, f.lane) AS turn
              FROM (SELECT n.*, CASE WHEN n.number = 1 AND n.newest_epoch > 0 AND n.lane <> 'fit' THEN
                               (SELECT min(p.epoch)
                                  FROM soup.lag g
                                  JOIN soup.partition p ON p.org = g.org AND p.model = g.model AND p.partition = g.partition
                                 WHERE g.org = n.org AND g.model = n.model AND g.version = n.version
                                   AND g.lane = n.lane AND g.lag_records > 0) END AS first_turn
                      FROM (SELECT w.*, p.epoch, m.epoch AS newest_epoch,
                                   row_number() OVER (PARTITION BY w.org, w.model, w.version, w.lane) AS number
                              FROM soup.work w
                              JOIN soup.partition p ON p.org = w.org AND p.model = w.model AND p.partition = w.partition
                              JOIN soup.model m ON m.org = w.org AND m.model = w.model) n) f) t
     WHERE t.turn IS NULL OR t.epoch <= t.turn;
COMMENT ON VIEW soup.work_in_turn IS
    'soup.work without the lanes that wait until their version has processed the epochs before theirs. A fit only reads and waits for nothing.';

CREATE FUNCTION soup.dba_set_partitions(org text, model text, partitions integer) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    in_org uuid := soup.find_org(dba_set_partitions.org);
    in_model uuid := soup.find_model(in_org, dba_set_partitions.model);
    the_model soup.model;
    present bigint;
    first_new integer;
    latest_receipt timestamptz;
BEGIN
    IF dba_set_partitions.partitions IS NULL OR dba_set_partitions.partitions NOT BETWEEN 1 AND 1000 THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'partitions must be from 1 to 1000');
    END IF;
    -- The model's row keeps promotions, new versions and other changes of the number out; what it says is read after
    -- the lock. Then the fits, which a worker holds for as long as it reads, and last what appends wait for.
    SELECT m.* INTO STRICT the_model FROM soup.model m WHERE m.org = in_org AND m.model = in_model FOR NO KEY UPDATE;
    SELECT count(*) INTO present FROM soup.partition p
     WHERE p.org = in_org AND p.model = in_model AND p.epoch = the_model.epoch;
    IF present = dba_set_partitions.partitions THEN
        RETURN the_model.epoch;
    END IF;
    PERFORM FROM soup.fit f WHERE f.org = in_org AND f.model = in_model AND f.fitted_at IS NULL
      ORDER BY f.version FOR NO KEY UPDATE;
    -- In key order, as append and promote take them.
    PERFORM FROM soup.partition p WHERE p.org = in_org AND p.model = in_model AND p.epoch = the_model.epoch
      ORDER BY p.partition FOR NO KEY UPDATE;

    UPDATE soup.partition p SET sealed = true WHERE p.org = in_org AND p.model = in_model AND p.epoch = the_model.epoch;
    SELECT max(p.partition) + 1, max(p.last_received_at) INTO STRICT first_new, latest_receipt
      FROM soup.partition p WHERE p.org = in_org AND p.model = in_model;
    -- Of two records with one key the later one wins, by time of receipt and then by address. New partitions go on from
    -- the latest time of receipt, so that whatever comes is later than all before, whichever way the clock goes.
    INSERT INTO soup.partition (org, model, partition, epoch, default_version, last_received_at)
    SELECT in_org, in_model, first_new + n, the_model.epoch + 1, the_model.default_version, latest_receipt
      FROM generate_series(0, dba_set_partitions.partitions - 1) AS n;
    -- Whoever follows the default-routed records goes on with them.
    INSERT INTO soup.version_interval (org, model, version, partition, from_offset, cause)
    SELECT DISTINCT i.org, i.model, i.version, n.partition, 0, i.cause
      FROM soup.version_interval i
      JOIN soup.partition o ON o.org = i.org AND o.model = i.model AND o.partition = i.partition AND o.epoch = the_model.epoch
      JOIN soup.partition n ON n.org = i.org AND n.model = i.model AND n.epoch = the_model.epoch + 1
     WHERE i.org = in_org AND i.model = in_model AND i.to_offset IS NULL;
    -- A version that has not learned, and for whose fit nobody will look again, since the partition ends here, learns
    -- from the new epoch. Where a look is still due its worker sees to it, if there is not enough.
    UPDATE soup.fit f SET partition = first_new, windows_seen = 0, look_again_at = 0, default_from = 0, label_from = 0
     WHERE f.org = in_org AND f.model = in_model AND f.fitted_at IS NULL
       AND greatest(f.look_again_at, 1)
           > (SELECT coalesce(sum(g.head_offset), 0) FROM soup.lag g
               WHERE g.org = f.org AND g.model = f.model AND g.version = f.version AND g.partition = f.partition);
    UPDATE soup.model m SET epoch = the_model.epoch + 1 WHERE m.org = in_org AND m.model = in_model;
    RETURN the_model.epoch + 1;
END
$body$;
COMMENT ON FUNCTION soup.dba_set_partitions(text, text, integer) IS 'Implementation of soup.set_partitions.';

CREATE FUNCTION soup.set_partitions(org text, model text, partitions integer) RETURNS integer
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.set_partitions(text, text, integer) IS
    'Gives a model that many partitions and returns its epoch, a new one unless it has so many already. Partitions so far keep their records and addresses; each version finishes with them before it begins with the new ones, so each stream keeps its order and its windows go on.';

CREATE FUNCTION soup.doctor_epochs() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'info', soup.subject(g.org, g.model, g.version),
           format('lane %s has %s records of partitions before epoch %s to process first; %s records of later ones wait',
                  g.lane, sum(g.lag_records) FILTER (WHERE p.epoch < m.epoch), m.epoch,
                  sum(g.lag_records) FILTER (WHERE p.epoch = m.epoch)),
           'It goes on by itself; if it does not, see what else the doctor says about this version.'
      FROM soup.model m
      JOIN soup.lag g ON g.org = m.org AND g.model = m.model
      JOIN soup.partition p ON p.org = g.org AND p.model = g.model AND p.partition = g.partition
     WHERE m.epoch > 0 AND g.lag_records > 0
     GROUP BY g.org, g.model, g.version, g.lane, m.epoch
    HAVING min(p.epoch) < m.epoch AND max(p.epoch) = m.epoch;
END;
COMMENT ON FUNCTION soup.doctor_epochs() IS 'The rows of doctor() about versions that have an earlier epoch to finish first.';

GRANT SELECT ON soup.work_in_turn TO soup_worker;
