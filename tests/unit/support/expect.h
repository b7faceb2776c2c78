// Criterion's string macros keep only a pointer, so that a temporary is gone by the time a failure is printed.
// Here both texts live as long as the macro needs them.
#pragma once

#include <criterion/criterion.h>

#include <string>

// `label` names the row of a table in the report.
inline void expect_text(const std::string& is, const std::string& should_be, const std::string& label = "") {
  cr_expect(is == should_be, "%s\n--- is\n%s\n--- should be\n%s\n---", label.c_str(), is.c_str(),
            should_be.c_str());
}
