// Run once, on an empty volume: the two users of docs/security.md, neither of which is an administrator.
const fs = require("fs");
const password = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").trim();
const airquality = db.getSiblingDB("airquality");
airquality.createUser({
  user: "pipeline",
  pwd: password("mongodb_pipeline_password"),
  roles: [{ role: "readWrite", db: "airquality" }],
});
airquality.createUser({
  user: "analyst",
  pwd: password("mongodb_analyst_password"),
  roles: [{ role: "read", db: "airquality" }],
});
