CREATE TABLE arrivals (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	arrival BLOB NOT NULL, 
	dedupe BLOB NOT NULL, 
	UNIQUE (arrival)
);
INSERT INTO arrivals (seq, arrival, dedupe) VALUES (1, X'6c73fa4cb9f21213cfbff04597664182d77d2eea4a708de497eb0ce37174ca30', X'6f4ee95c8de3d1b389cc8a1a7b48613c');
CREATE TABLE datasets (
	dataset_id VARCHAR(32) NOT NULL, 
	owner_id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	shared BOOLEAN NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	changed_at_ms BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	households INTEGER NOT NULL, 
	slots INTEGER NOT NULL, 
	slot_h FLOAT NOT NULL, 
	start_at_ms BIGINT NOT NULL, 
	time_zone VARCHAR(64) NOT NULL, 
	options TEXT NOT NULL, 
	PRIMARY KEY (dataset_id)
);
CREATE INDEX ix_datasets_owner_id ON datasets (owner_id);
INSERT INTO datasets (dataset_id, owner_id, name, kind, shared, created_at_ms, changed_at_ms, digest, households, slots, slot_h, start_at_ms, time_zone, options) VALUES ('e20416920517bf1b', 'u-cf4bccb71e4dddd4', 'Street', 'upload', 1, 1796088444548, 1796088444548, '75a5296fb512577e6cf7da3e9768dbb91c249587bcddde88ae15211e8e99ca77', 3, 48, 0.5, 1743445800000, 'Asia/Kolkata', '{"time_zone": "Asia/Kolkata", "gap_policy": "leave_out", "interpolate_slots": 4, "common_span": "use", "common_interval": "refuse", "bad_files": "refuse", "date_order": "decide", "unit": "header", "cumulative": "refuse", "max_kw": 100.0, "pv_kw": {}}');
CREATE TABLE feed_publishers (
	publisher_id VARCHAR(64) NOT NULL, 
	messages BIGINT NOT NULL, 
	last_seq BIGINT, 
	gaps BIGINT NOT NULL, 
	missing BIGINT NOT NULL, 
	last_at_ms BIGINT NOT NULL, 
	PRIMARY KEY (publisher_id)
);
INSERT INTO feed_publishers (publisher_id, messages, last_seq, gaps, missing, last_at_ms) VALUES ('roof', 3, NULL, 0, 0, 1796088445811);
CREATE TABLE feed_report (
	"row" INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	PRIMARY KEY ("row")
);
CREATE TABLE feed_session (
	"row" INTEGER NOT NULL, 
	session VARCHAR(32) NOT NULL, 
	sequence BIGINT NOT NULL, 
	PRIMARY KEY ("row")
);
INSERT INTO feed_session ("row", session, sequence) VALUES (1, '', 1);
CREATE TABLE ledger_damage (
	id INTEGER NOT NULL, 
	sentence TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE meter_readings (
	household_id VARCHAR(64) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	slot_ms BIGINT NOT NULL, 
	load_kw FLOAT NOT NULL, 
	solar_kw FLOAT NOT NULL, 
	PRIMARY KEY (household_id, at_ms)
);
CREATE INDEX meter_readings_slot ON meter_readings (slot_ms);
CREATE TABLE meter_slots (
	slot_ms BIGINT NOT NULL, 
	cleared_at_ms BIGINT, 
	households INTEGER NOT NULL, 
	missing INTEGER NOT NULL, 
	late INTEGER NOT NULL, 
	trades INTEGER NOT NULL, 
	energy_wh BIGINT NOT NULL, 
	sentence VARCHAR(300) NOT NULL, 
	PRIMARY KEY (slot_ms)
);
CREATE TABLE pending (
	seq INTEGER NOT NULL, 
	dedupe BLOB NOT NULL, 
	tx_hash BLOB NOT NULL, 
	body BLOB NOT NULL, 
	submitted_at_ms BIGINT NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (dedupe)
);
INSERT INTO pending (seq, dedupe, tx_hash, body, submitted_at_ms) VALUES (1, X'011818799dbc75bf9df3be600c5bb96a', X'81a13d7bb2e54755e3967b144072d94d6e8e973e6e81d29fa6564c1772527b9a', X'7b22616d6f756e745f6d6963726f223a32333830303030302c226275796572223a224848303032222c22656e657267795f7768223a333530302c226b696e64223a227472616465222c226d6573736167655f6964223a2277616974696e67222c2270726963655f6d6963726f5f7065725f6b7768223a363830303030302c227075626c6973686572223a22726f6f66222c2272656365697665645f61745f6d73223a313739363038383434353831312c2273656c6c6572223a224848303031227d', 1796088445811);
CREATE TABLE quarantine (
	digest BLOB NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	reason VARCHAR(500) NOT NULL, 
	topic VARCHAR(200) NOT NULL, 
	payload BLOB NOT NULL, 
	payload_bytes INTEGER NOT NULL, 
	count BIGINT NOT NULL, 
	first_at_ms BIGINT NOT NULL, 
	last_at_ms BIGINT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE INDEX quarantine_last ON quarantine (last_at_ms);
INSERT INTO quarantine (digest, code, reason, topic, payload, payload_bytes, count, first_at_ms, last_at_ms) VALUES (X'17c8ab4f4788c5b38b3c21afc30949f9904c37bbea0b8fd93a5c27105ae070bc', 'not_json', '"neither trade nor reading" is not JSON: Expecting value: line 1 column 1 (char 0).', 'iot-p2p-trading/trades', X'6e656974686572207472616465206e6f722072656164696e67', 25, 1, 1796088445803, 1796088445803);
INSERT INTO quarantine (digest, code, reason, topic, payload, payload_bytes, count, first_at_ms, last_at_ms) VALUES (X'3f86f680b784a7985c72b0e36aec14fb2a6e8d139d20b2a42ecc97eb77cc72ea', 'missing_field', 'The field timestamp is missing; found: "load_kw", "solar_kw".', 'iot-p2p-trading/meters/HH001', X'7b226c6f61645f6b77223a20312e352c2022736f6c61725f6b77223a20302e32357d', 34, 1, 1796088445807, 1796088445807);
CREATE TABLE runs (
	seq INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	owner_id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	tags TEXT NOT NULL, 
	dataset_id VARCHAR(32) NOT NULL, 
	dataset_name VARCHAR(200) NOT NULL, 
	dataset_digest VARCHAR(64) NOT NULL, 
	time_zone VARCHAR(64) NOT NULL, 
	"plan" TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	message TEXT NOT NULL, 
	queued_at_ms BIGINT NOT NULL, 
	started_at_ms BIGINT, 
	ended_at_ms BIGINT, 
	result_key VARCHAR(64), 
	result_digest VARCHAR(64), 
	tx_hash VARCHAR(64), 
	shared BOOLEAN NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (run_id)
);
CREATE INDEX ix_runs_dataset_id ON runs (dataset_id);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX runs_of_owner ON runs (owner_id, seq);
INSERT INTO runs (seq, run_id, owner_id, name, tags, dataset_id, dataset_name, dataset_digest, time_zone, "plan", status, message, queued_at_ms, started_at_ms, ended_at_ms, result_key, result_digest, tx_hash, shared) VALUES (1, 'b17ce53dc2bbe78c', 'u-cf4bccb71e4dddd4', 'First run', '["kept"]', 'e20416920517bf1b', 'Street', '75a5296fb512577e6cf7da3e9768dbb91c249587bcddde88ae15211e8e99ca77', 'Asia/Kolkata', '{"selections": [{"algorithm_id": "grid_only", "parameters": {}}, {"algorithm_id": "mid_market_rate", "parameters": {}}], "scenarios": [{"name": "Scenario 1", "tariff": {"retail_micro_per_kwh": 7000000, "feed_in_micro_per_kwh": 3000000, "time_zone": "UTC", "periods": []}, "parameters": {}}]}', 'done', '', 1796088444565, 1796088444571, 1796088445762, 'd2818913781d75886e68f9413448efe2a45a4e0ffe75a5acf4bc8e48afb66aa8', '404ac8e517c0877af42bb8b73e5a8b4e59129d04558e8aef8ddb2570d7762902', '1379808f4f88313eb65702523692989bc0a1ecd06f79e393816a29a542c47590', 0);
INSERT INTO runs (seq, run_id, owner_id, name, tags, dataset_id, dataset_name, dataset_digest, time_zone, "plan", status, message, queued_at_ms, started_at_ms, ended_at_ms, result_key, result_digest, tx_hash, shared) VALUES (2, '38b17edc6c29b276', 'u-cf4bccb71e4dddd4', 'Second run', '[]', 'e20416920517bf1b', 'Street', '75a5296fb512577e6cf7da3e9768dbb91c249587bcddde88ae15211e8e99ca77', 'Asia/Kolkata', '{"selections": [{"algorithm_id": "grid_only", "parameters": {}}, {"algorithm_id": "mid_market_rate", "parameters": {}}], "scenarios": [{"name": "Scenario 1", "tariff": {"retail_micro_per_kwh": 7000000, "feed_in_micro_per_kwh": 3000000, "time_zone": "UTC", "periods": []}, "parameters": {}}]}', 'queued', '', 1796088445801, NULL, NULL, NULL, NULL, NULL, 0);
CREATE TABLE seen (
	dedupe BLOB NOT NULL, 
	height BIGINT NOT NULL, 
	PRIMARY KEY (dedupe)
)
 WITHOUT ROWID;
INSERT INTO seen (dedupe, height) VALUES (X'0393b85364255a9a30ebdd7189c4dace', 1);
INSERT INTO seen (dedupe, height) VALUES (X'0cc3bdf7013358e517f83cd2fe2165e2', 1);
INSERT INTO seen (dedupe, height) VALUES (X'144f51023e8a718225953ec1c7d0e206', 1);
INSERT INTO seen (dedupe, height) VALUES (X'25b74f64998ee9ebca77f57e32f1edac', 1);
INSERT INTO seen (dedupe, height) VALUES (X'4a2a09bc6344b99324649eed929271e8', 1);
INSERT INTO seen (dedupe, height) VALUES (X'5cdd98366cc72793af44aa75913772a7', 1);
INSERT INTO seen (dedupe, height) VALUES (X'6f4ee95c8de3d1b389cc8a1a7b48613c', 1);
INSERT INTO seen (dedupe, height) VALUES (X'c6904fb73f9e7283e10db4bf2b5e3e7a', 1);
INSERT INTO seen (dedupe, height) VALUES (X'e56da6f0d709b7a68cc8f53aeda2ed21', 1);
INSERT INTO seen (dedupe, height) VALUES (X'e5e44f5795c8f2568eba3ccc257d98c6', 1);
INSERT INTO seen (dedupe, height) VALUES (X'ec447868a16cdc6bd462fc7f860ddc66', 1);
INSERT INTO seen (dedupe, height) VALUES (X'f11c4331e801faff5ca5f674d71b9a5e', 1);
INSERT INTO seen (dedupe, height) VALUES (X'f9c12c0dee0a6eaf69c075fc6a8769c2', 1);
CREATE TABLE share_links (
	link_id VARCHAR(16) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	item_id VARCHAR(32) NOT NULL, 
	created_by VARCHAR(64) NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	revoked_at_ms BIGINT, 
	PRIMARY KEY (link_id), 
	UNIQUE (token_hash)
);
CREATE INDEX ix_share_links_item_id ON share_links (item_id);
INSERT INTO share_links (link_id, token_hash, kind, item_id, created_by, created_at_ms, expires_at_ms, revoked_at_ms) VALUES ('5c140594e72c9ba9', '338c3cdc653ae4bb46fc49ed62e53cf3b202f7b69b2ebdd51aac1f5f7d25ec0c', 'run', 'b17ce53dc2bbe78c', 'u-cf4bccb71e4dddd4', 1796088445798, 1798680445798, NULL);
CREATE TABLE sign_in_failures (
	failure_id INTEGER NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	PRIMARY KEY (failure_id)
);
CREATE INDEX sign_in_failures_account ON sign_in_failures (account, at_ms);
CREATE INDEX sign_in_failures_address ON sign_in_failures (address, at_ms);
INSERT INTO sign_in_failures (failure_id, account, address, at_ms) VALUES (1, '', 'register ::/64', 1796088443754);
INSERT INTO sign_in_failures (failure_id, account, address, at_ms) VALUES (2, '', 'register ::/64', 1796088443879);
INSERT INTO sign_in_failures (failure_id, account, address, at_ms) VALUES (3, '55579b557896d0ce1764c47fed644f9b35f58bad620674af23f356d80ed0c503', '192.0.2.1', 1796088444024);
CREATE TABLE tip (
	id INTEGER NOT NULL, 
	genesis BLOB NOT NULL, 
	hash TEXT NOT NULL, 
	before_height BIGINT NOT NULL, 
	before_hash TEXT NOT NULL, 
	before_offset BIGINT NOT NULL, 
	before_end BIGINT NOT NULL, 
	before_time_ms BIGINT NOT NULL, 
	before_transactions BIGINT NOT NULL, 
	before_peaks BLOB NOT NULL, 
	checkpoint TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO tip (id, genesis, hash, before_height, before_hash, before_offset, before_end, before_time_ms, before_transactions, before_peaks, checkpoint) VALUES (1, X'7b2268617368223a2230326665373438353034366666616263376633343838383330363738343734643530353037323966643033663162303539656563656664343535663962336434222c22686561646572223a7b22626f6479223a2238363436323830623163643036643733346438336532346535353537336134383836326163373532613032633161653165396633363164383235393339663833222c22626f64795f6c656e223a3233312c22686569676874223a302c226c6f675f726f6f74223a2265336230633434323938666331633134396166626634633839393666623932343237616534316534363439623933346361343935393931623738353262383535222c226e223a312c2270726576223a2230303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030222c2274696d65223a313739363038383434333732352c2274785f726f6f74223a2265653366353039343930633231313830393937343435323139333365333437643664373463613831316439623765626264343163353464366264323964303663222c2276223a312c22776f726b223a31367d2c226e6f6e6365223a2230303030303030303030303030303030222c22747873223a5b0a7b22636861696e5f6964223a223331323265373535626261323364626137363030633364666436333930383263222c2263757272656e6379223a22e282b9222c22666f726d6174223a312c226b696e64223a2267656e65736973222c226c6f675f6b6579223a2235613864666161336537306231336235373431363238356637646333393331386237653738303238396363646431633331613535623861313066363130613837222c22726f756e64696e67223a2268616c665f6576656e222c22776f726b223a5b7b2266726f6d5f686569676874223a302c22686173686573223a31367d5d7d0a5d7d', '013bba5c3ec2518fe4678e8b7dee4126de8b5421ed80ac29361d407a6790735d', 0, '02fe7485046ffabc7f3488830678474d5050729fd03f1b059eecefd455f9b3d4', 2, 729, 1796088443725, 0, X'f488792df66246ed93d8b03bc46fe8eda853a451fb92c6f0374b53bc2e2d2659', 'p2p-lab/3122e755bba23dba
2
jO8hnGgTf2HdrEQViC8nW89GVpQWrmtCU5tuzNPb2mw=

— p2p-lab/3122e755bba23dba /4rgdhSjm2K19XGFEHMStujdeZexuMxgbEcyq+Cw9bVI7u5ZTP3qhBm+c9X26OnUhZ2cTvg4JNojTFBnOLLQ8VGkawI=
');
CREATE TABLE users (
	user_id VARCHAR(32) NOT NULL, 
	username VARCHAR(64) NOT NULL, 
	password_hash VARCHAR(256) NOT NULL, 
	identity VARCHAR(512), 
	identity_at_ms BIGINT NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	must_change_password BOOLEAN NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	last_sign_in_at_ms BIGINT, 
	PRIMARY KEY (user_id), 
	UNIQUE (username), 
	UNIQUE (identity)
);
INSERT INTO users (user_id, username, password_hash, identity, identity_at_ms, role, state, must_change_password, created_at_ms, last_sign_in_at_ms) VALUES ('u-5259f385154b3d9f', 'admin', '$argon2id$v=19$m=65536,t=2,p=1$n0Qr6MRCJaWyNQCTcJmTMg$q05zo/gDdHEpdzeqDqvGdFVAy0HszLnuIBO18S08sF8', NULL, 0, 'admin', 'active', 1, 1796088443712, NULL);
INSERT INTO users (user_id, username, password_hash, identity, identity_at_ms, role, state, must_change_password, created_at_ms, last_sign_in_at_ms) VALUES ('u-cf4bccb71e4dddd4', 'anna', '$argon2id$v=19$m=65536,t=2,p=1$WZEk+HnEF0+ViWFQZhx46A$MNKTOYP2ynxvnvIsZ3lU27j4XySMIUZZlo2EPa0mY/o', NULL, 0, 'analyst', 'active', 0, 1796088443873, 1796088443875);
INSERT INTO users (user_id, username, password_hash, identity, identity_at_ms, role, state, must_change_password, created_at_ms, last_sign_in_at_ms) VALUES ('u-a8ab3a07f9a2bd65', 'ben', '$argon2id$v=19$m=65536,t=2,p=1$4tV7UuHnwW0unWFVOSF2Vg$gVSPlY6GR7v3NS7tozLAke4WZJIxnppxH7LFG/nwHhU', NULL, 0, 'analyst', 'active', 0, 1796088444015, 1796088444016);
CREATE TABLE api_tokens (
	token_id VARCHAR(32) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	user_id VARCHAR(32) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	scopes VARCHAR(128) NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	used_at_ms BIGINT, 
	PRIMARY KEY (token_id), 
	UNIQUE (token_hash), 
	FOREIGN KEY(user_id) REFERENCES users (user_id)
);
CREATE INDEX ix_api_tokens_user_id ON api_tokens (user_id);
INSERT INTO api_tokens (token_id, token_hash, user_id, name, scopes, created_at_ms, expires_at_ms, used_at_ms) VALUES ('t-5f08c6e4ba1d', '54bd6946a5601a65b637dbb027418141d6e05f60e49dd1ddb67786988ff88497', 'u-cf4bccb71e4dddd4', 'meter script', 'read', 1796088444021, 1827624444021, NULL);
CREATE TABLE dataset_files (
	file_id VARCHAR(32) NOT NULL, 
	dataset_id VARCHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	added_at_ms BIGINT NOT NULL, 
	PRIMARY KEY (file_id), 
	FOREIGN KEY(dataset_id) REFERENCES datasets (dataset_id) ON DELETE CASCADE
);
CREATE INDEX ix_dataset_files_dataset_id ON dataset_files (dataset_id);
INSERT INTO dataset_files (file_id, dataset_id, position, name, size, added_at_ms) VALUES ('f69349f1cdc5acb021170f02a75fbc2c', 'e20416920517bf1b', 0, 'HH001.csv', 2626, 1796088444548);
INSERT INTO dataset_files (file_id, dataset_id, position, name, size, added_at_ms) VALUES ('e1d345569890a14d60580ab9bf49acf0', 'e20416920517bf1b', 1, 'HH002.csv', 2550, 1796088444548);
INSERT INTO dataset_files (file_id, dataset_id, position, name, size, added_at_ms) VALUES ('8b2d2439530a1046c306495e9d65b5fc', 'e20416920517bf1b', 2, 'HH003.csv', 2620, 1796088444548);
CREATE TABLE dataset_reports (
	dataset_id VARCHAR(32) NOT NULL, 
	report TEXT NOT NULL, 
	PRIMARY KEY (dataset_id), 
	FOREIGN KEY(dataset_id) REFERENCES datasets (dataset_id) ON DELETE CASCADE
);
INSERT INTO dataset_reports (dataset_id, report) VALUES ('e20416920517bf1b', '{"accepted": true, "digest": "75a5296fb512577e6cf7da3e9768dbb91c249587bcddde88ae15211e8e99ca77", "files": [{"name": "HH001.csv", "accepted": true, "households": ["HH001"], "rows": 48, "slot_h": 0.5, "start_at": "2025-03-31T18:30:00+00:00", "end_at": "2025-04-01T18:30:00+00:00", "how_read": "UTF-8, comma-separated, header in line 1, load_kW in kW, solar_kW in kW, times as year-month-day on the clock of Asia/Kolkata, 30 minutes interval", "sha256": "f7165f0e4f0ac00e4b55524140606d461731640f90b2588339a8571628f3ca21"}, {"name": "HH002.csv", "accepted": true, "households": ["HH002"], "rows": 48, "slot_h": 0.5, "start_at": "2025-03-31T18:30:00+00:00", "end_at": "2025-04-01T18:30:00+00:00", "how_read": "UTF-8, comma-separated, header in line 1, load_kW in kW, solar_kW in kW, times as year-month-day on the clock of Asia/Kolkata, 30 minutes interval", "sha256": "bfa26c51ed8ebc34321f4f67557a3a8d08db6feab5f560942ea23e1369c459ae"}, {"name": "HH003.csv", "accepted": true, "households": ["HH003"], "rows": 48, "slot_h": 0.5, "start_at": "2025-03-31T18:30:00+00:00", "end_at": "2025-04-01T18:30:00+00:00", "how_read": "UTF-8, comma-separated, header in line 1, load_kW in kW, solar_kW in kW, times as year-month-day on the clock of Asia/Kolkata, 30 minutes interval", "sha256": "93b9dcd2f246ebcda8ac877a12f4bf5a2aee3a90a99daab7add71e7f6d9ea76e"}], "issues": [], "assumptions": ["All files: UTF-8, comma-separated, header in line 1, load_kW in kW, solar_kW in kW, times as year-month-day on the clock of Asia/Kolkata, 30 minutes interval.", "Missing intervals: leave out.", "A reading is the mean power over the interval that starts at its time."], "gaps": [], "household_ids": ["HH001", "HH002", "HH003"], "slots": 48, "slot_h": 0.5, "start_at": "2025-03-31T18:30:00+00:00", "end_at": "2025-04-01T18:30:00+00:00", "load_kwh": 35.60415, "solar_kwh": 30.430700000000005, "time_zone": "Asia/Kolkata", "positions": {"HH001": [28.6139, 77.209], "HH002": [28.6139, 77.209], "HH003": [28.6139, 77.209]}}');
CREATE TABLE dataset_versions (
	dataset_id VARCHAR(32) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	added_at_ms BIGINT NOT NULL, 
	PRIMARY KEY (dataset_id, digest), 
	FOREIGN KEY(dataset_id) REFERENCES datasets (dataset_id) ON DELETE CASCADE
);
CREATE INDEX ix_dataset_versions_digest ON dataset_versions (digest);
INSERT INTO dataset_versions (dataset_id, digest, added_at_ms) VALUES ('e20416920517bf1b', '75a5296fb512577e6cf7da3e9768dbb91c249587bcddde88ae15211e8e99ca77', 1796088444548);
CREATE TABLE sessions (
	token_hash VARCHAR(64) NOT NULL, 
	session_id VARCHAR(32) NOT NULL, 
	user_id VARCHAR(32) NOT NULL, 
	opened_at_ms BIGINT NOT NULL, 
	seen_at_ms BIGINT NOT NULL, 
	browser VARCHAR(80) NOT NULL, 
	PRIMARY KEY (token_hash), 
	UNIQUE (session_id), 
	FOREIGN KEY(user_id) REFERENCES users (user_id)
);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
INSERT INTO sessions (token_hash, session_id, user_id, opened_at_ms, seen_at_ms, browser) VALUES ('e5a81bd087937fa24bff05f832ff33f0036c4bdfe19c8c57845f493096069a2b', 's-c268dc5aa8b3', 'u-cf4bccb71e4dddd4', 1796088444019, 1796088444019, 'Firefox on Linux');
