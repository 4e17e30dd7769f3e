-- Two roles and a database for the portal, to be run once by PostgreSQL's administrator with the
-- roles' passwords in OWNER_PASSWORD and PORTAL_PASSWORD (psql 15 or newer reads them).
--
-- sekisho_owner owns the tables and migrates them. The portal runs as sekisho, which may use the
-- tables but neither alter them nor take the triggers off that keep the record as it was written.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv portal_password PORTAL_PASSWORD
CREATE ROLE sekisho_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE sekisho LOGIN PASSWORD :'portal_password';
CREATE DATABASE sekisho OWNER sekisho_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE sekisho FROM PUBLIC;
GRANT CONNECT ON DATABASE sekisho TO sekisho;
\connect sekisho
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO sekisho;
ALTER DEFAULT PRIVILEGES FOR ROLE sekisho_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO sekisho;
ALTER DEFAULT PRIVILEGES FOR ROLE sekisho_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO sekisho;
