-- What the charts show, as views over the open-data files in $folder. A new station or year is a new file, which the
-- next query reads.

CREATE VIEW hours AS
SELECT * REPLACE (station || CASE WHEN simulated THEN ' (SIMULATED)' ELSE '' END AS station)
FROM read_parquet('$folder/*/hours-*.parquet', union_by_name = true);

CREATE VIEW days AS
SELECT * REPLACE (station || CASE WHEN simulated THEN ' (SIMULATED)' ELSE '' END AS station)
FROM read_parquet('$folder/*/days-*.parquet', union_by_name = true);

CREATE VIEW periods AS
SELECT * REPLACE (station || CASE WHEN simulated THEN ' (SIMULATED)' ELSE '' END AS station)
FROM read_parquet('$folder/*/periods.parquet', union_by_name = true);

-- Daily means of CO (mg/m³) and PM2.5 (µg/m³): the valid ones where both are valid, else both as published, and named so.
CREATE VIEW co_and_pm2_5 AS
SELECT
    station || CASE WHEN is_valid THEN '' ELSE ', not valid' END AS station,
    date,
    CASE WHEN is_valid THEN pm2_5_valid_mean ELSE pm2_5_mean END AS pm2_5,
    CASE WHEN is_valid THEN co_valid_mean ELSE co_mean END AS co
FROM (SELECT *, co_valid_mean IS NOT NULL AND pm2_5_valid_mean IS NOT NULL AS is_valid FROM days)
WHERE co_mean IS NOT NULL AND pm2_5_mean IS NOT NULL;

-- Hours that two stations have valid PM2.5 of, counted by both readings in whole µg/m³: a point each, however many years.
CREATE VIEW same_hours AS
SELECT
    across.station || ' (across), ' || up.station || ' (up)' AS stations,
    round(across.pm2_5) AS pm2_5_across,
    round(up.pm2_5) AS pm2_5_up,
    format('{:.0f} and {:.0f} µg/m³', pm2_5_across, pm2_5_up) AS readings,
    count(*) AS hours
FROM hours AS across
JOIN hours AS up ON across.timestamp = up.timestamp AND across.station < up.station
WHERE across.pm2_5_valid AND up.pm2_5_valid
GROUP BY ALL;

-- The ten highest valid daily means of PM2.5 (µg/m³) of each station.
CREATE VIEW highest_days AS
SELECT station, date, strftime(date, '%Y-%m-%d') || ' ' || station AS day, pm2_5_valid_mean AS pm2_5
FROM days
WHERE pm2_5_valid_mean IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY station ORDER BY pm2_5_valid_mean DESC, date) <= 10;

-- Valid monthly means of PM2.5 (µg/m³), each with its change since the valid month before; of the first, the mean itself.
-- `number` numbers the stations by name.
CREATE VIEW months AS
SELECT
    station,
    number,
    start,
    strftime(start, '%Y-%m') AS month,
    pm2_5_valid_mean AS pm2_5,
    pm2_5_valid_mean - lag(pm2_5_valid_mean, 1, 0) OVER (PARTITION BY station ORDER BY start) AS change
FROM (SELECT *, dense_rank() OVER (ORDER BY station) AS number FROM periods)
WHERE period = 'month' AND pm2_5_valid_mean IS NOT NULL;
