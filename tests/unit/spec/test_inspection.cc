#include <criterion/criterion.h>

#include "spec/inspection.h"
#include "tests/unit/support/expect.h"

static std::string show(const oci::Inspection& inspection) {
  std::string text;
  for (const oci::Finding& f : inspection.findings())
    text += str::cat(f.at.line, ":", f.at.column, " ",
                     f.severity == oci::Severity::error     ? "error"
                     : f.severity == oci::Severity::warning ? "warning"
                                                            : "note",
                     " ", f.path, ": ", f.message, "\n");
  return text;
}

Test(inspection, paths) {
  const struct {
    const char* line;
    size_t want;
  } cases[] = {
      {"mounts[2].type: missing", 14},
      {"linux.sysctl['a: b']: no", 20},
      {"linux: missing", 5},
      {"reading the host: no", 0},
      {"colour: red", 0},
      {"linux", 0},
      {"", 0},
  };
  for (const auto& c : cases) cr_expect_eq(oci::path_length(c.line), c.want, "%s", c.line);
}

Test(inspection, syntax) {
  const oci::Inspection broken("{\"a\": [1,]}", "dir:1/config.json");
  cr_expect(!broken.config());
  expect_text(show(broken), "1:9 error : trailing comma before ']'\n", "trailing comma");
  const oci::Inspection list("[]", "config.json");
  cr_expect(!list.config());
  expect_text(show(list), "1:1 error : expected an object, got an array\n", "a list");
}

// All stages at once, in the order of the document; no errors about errors.
Test(inspection, everything) {
  const std::string text = R"({
 "ociVersion": "1.3.0",
 "root": {"path": "rootfs"},
 "proces": {},
 "hostname": "web",
 "process": {"cwd": "/", "args": [], "user": {"uid": "0"}},
 "linux": {"namespaces": [{"type": "mount"}, {"type": "mount"}], "maskedPaths": ["x"]}
})";
  oci::Inspection inspection(text, "config.json");
  cr_assert(inspection.config().has_value());
  inspection.add(oci::Severity::error, "process.user.uid", "0 is not mapped");  // its value is not known
  inspection.add(oci::Severity::note, "linux.maskedPaths[0]", "not there");     // nor this one
  inspection.add(Error(Kind::os, "root.path: gone\nsomething else"));
  inspection.add(Error(Kind::os, "root.path: gone"));
  expect_text(show(inspection),
              "1:1 error : something else\n"
              "3:19 error root.path: gone\n"
              "4:12 warning proces: unknown property (did you mean 'process'?), ignoring\n"
              "5:14 error hostname: needs a namespace of type 'uts' in linux.namespaces\n"
              "6:34 error process.args: required, but missing or empty\n"
              "6:54 error process.user.uid: expected an integer, got the string '0'\n"
              "7:46 error linux.namespaces[1]: 'mount' is listed twice, first at linux.namespaces[0]\n"
              "7:82 error linux.maskedPaths[0]: 'x' must be an absolute path\n",
              "everything");
}

Test(inspection, nothing_is_said_of_what_depends_on_a_mistake) {
  const oci::Inspection inspection(
      R"({"ociVersion":"1.3.0","root":{"path":"x"},"hostname":"web","linux":{"namespaces":[{"type":"utz"}],"uidMappings":[]}})",
      "config.json");
  const std::string text = show(inspection);
  cr_expect(text.find("hostname") == std::string::npos, "%s", text.c_str());
  cr_expect(text.find("unknown value 'utz'") != std::string::npos, "%s", text.c_str());
}
