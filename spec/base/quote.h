// Foreign text in double quotes, as JSON (RFC 8259 §7) or as Go's strconv.Quote writes it, which parsers of runc's text
// log read.  The result is always UTF-8: each byte that is none becomes U+FFFD, since readers of JSON refuse the rest.
#pragma once

#include <string>
#include <string_view>

namespace str {

enum class Quotes { json, go };  // a control character is \u001b, or \x1b

// Appends `text`, with its quotes, to `out`.
void append_quoted(std::string& out, std::string_view text, Quotes style);

}  // namespace str
