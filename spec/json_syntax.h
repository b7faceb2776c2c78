// Says what is wrong with a text that is no JSON.  The parser only knows that the next token is refused; a person wants
// to know which one, where, and what to write instead.  Looks at the text from the end of the last good token on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace json {

// Where the parser stood when it gave up.
struct Standing {
  enum class Last {
    nothing,
    opening,
    key,
    value
  };  // the last good token; `value` also after a closing bracket
  enum class In { top, array, object };
  size_t offset = 0;  // behind the last good token
  Last last = Last::nothing;
  In in = In::top;
};

struct SyntaxError {
  size_t offset = 0;
  std::string message;
};

// Precondition: the text goes wrong behind `standing.offset`.
SyntaxError explain(std::string_view text, const Standing& standing);

}  // namespace json
