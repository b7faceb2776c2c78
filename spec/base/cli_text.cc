// Help and man pages, from the tables of cli.h.
#include <algorithm>

#include "spec/base/cli.h"

namespace cli {

namespace {

using Shape = Field::Shape;

constexpr size_t kWidth = 80;

struct Line {
  std::string label, help;
};

std::vector<const Field*> visible(std::span<const Table> tables) {
  std::vector<const Field*> fields;
  for (const Table& table : tables)
    for (const Field& field : table.fields)
      if (!field.hidden) fields.push_back(&field);
  return fields;
}

// `text` from `column` on, broken at blanks; following lines start at the same column.
std::string wrapped(std::string_view text, size_t column) {
  const size_t room = kWidth > column + 20 ? kWidth - column : 20;
  std::string out;
  size_t used = 0;
  for (const std::string_view word : str::split(text, ' ')) {
    if (used && used + 1 + word.size() > room) {
      out += '\n' + std::string(column, ' ');
      used = 0;
    }
    out += str::cat(used ? " " : "", word);
    used += word.size() + (used ? 1 : 0);
  }
  return out;
}

// Two columns; a label that is too long for the first gets a line of its own.
std::string columns(const std::vector<Line>& lines) {
  constexpr size_t kMost = 28;
  size_t width = 0;
  for (const Line& line : lines)
    if (line.label.size() <= kMost) width = std::max(width, line.label.size());
  const size_t column = width + 4;
  std::string out;
  for (const Line& line : lines) {
    out += "  " + line.label;
    if (line.label.size() > width)
      out += '\n' + std::string(column, ' ');
    else
      out += std::string(column - 2 - line.label.size(), ' ');
    out += wrapped(line.help, column) + '\n';
  }
  return out;
}

std::string section(std::string_view title, const std::vector<Line>& lines) {
  return lines.empty() ? std::string() : str::cat("\n", title, ":\n", columns(lines));
}

std::string option_label(const Field& field) {
  const std::string letter = field.letter ? str::cat("-", std::string(1, field.letter), ", ") : "    ";
  return str::cat(letter, "--", field.name, field.value.empty() ? "" : " ", field.value);
}

std::string operand_label(const Field& field) {
  const std::string name = str::cat(field.name, field.repeated ? "..." : "");
  return field.optional ? str::cat("[", name, "]") : str::cat("<", name, ">");
}

std::vector<Line> option_lines(std::span<const Table> tables, bool is_program) {
  std::vector<Line> lines;
  bool v_is_free = true;
  for (const Field* field : visible(tables)) {
    lines.push_back({option_label(*field), std::string(field->help)});
    if (field->letter == 'v') v_is_free = false;
  }
  if (is_program)
    lines.push_back({v_is_free ? "-v, --version" : "    --version", "print the version and exit"});
  lines.push_back({"-h, --help", "print this text and exit"});
  return lines;
}

std::vector<Line> operand_lines(const CommandInfo& command) {
  std::vector<Line> lines;
  for (const Field* field : visible(command.operands))
    lines.push_back({std::string(field->name), std::string(field->help)});
  return lines;
}

std::vector<Line> command_lines(const ProgramView& program) {
  std::vector<Line> lines;
  for (const CommandInfo* command : program.commands)
    if (!command->about.hidden) lines.push_back({std::string(command->name), std::string(command->help)});
  lines.push_back({"completion", "print a script that completes command lines: bash, zsh, fish"});
  lines.push_back({"help", "print the help of a command"});
  return lines;
}

std::string usage(const ProgramView& program, const CommandInfo& command) {
  std::string line = str::cat(program.info.name, " ", command.name);
  if (!visible(command.options).empty()) line += " [options]";
  for (const Field* field : visible(command.operands)) line += ' ' + operand_label(*field);
  return line;
}

std::string program_usage(const ProgramView& program) {
  return str::cat(program.info.name, " [global options] <command> [options] [operands]");
}

std::string sentence(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out + '.';
}

std::string paragraphs(std::string_view text) {
  std::string out;
  for (const std::string_view paragraph : str::split(text, '\n')) out += wrapped(paragraph, 0) + '\n';
  return out;
}

std::string examples(std::string_view lines) {
  if (lines.empty()) return {};
  std::string out = "\nExamples:\n";
  for (const std::string_view line : str::split(lines, '\n'))
    if (!line.empty()) out += str::cat("  ", line, "\n");
  return out;
}

// ---- man pages: man(7) ----

// Text for roff: its control characters and hyphens are taken literally.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += {'\\', '&', c};
    else
      out += c;
  }
  return out;
}

std::string man_list(std::string_view title, const std::vector<Line>& lines) {
  if (lines.empty()) return {};
  std::string out = str::cat(".SH ", title, "\n");
  for (const Line& line : lines)
    out += str::cat(".TP\n\\fB", roff(str::trim(line.label)), "\\fR\n", roff(sentence(line.help)), "\n");
  return out;
}

std::string man_examples(std::string_view lines) {
  return lines.empty() ? std::string() : str::cat(".SH EXAMPLES\n.nf\n", roff(lines), ".fi\n");
}

std::string man_head(const ProgramView& program, std::string_view page, std::string_view help,
                     std::string_view usage) {
  std::string upper(page);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return str::cat(".TH ", roff(upper), " 1 \"\" \"", roff(program.info.name),
                  "\" \"User Commands\"\n.SH NAME\n", roff(page), " \\- ", roff(help), "\n.SH SYNOPSIS\n.B ",
                  roff(usage), "\n");
}

}  // namespace

std::string program_help(const ProgramView& program) {
  return str::cat(program.info.name, ": ", program.info.summary, "\n\nusage: ", program_usage(program), "\n",
                  section("Commands", command_lines(program)),
                  section("Global options", option_lines(program.options, true)),
                  examples(program.info.examples), "\n'", program.info.name,
                  " <command> --help' explains a command.\n");
}

std::string command_help(const ProgramView& program, const CommandInfo& command) {
  std::string out =
      str::cat("usage: ", usage(program, command), "\n\n", wrapped(sentence(command.help), 0), "\n");
  if (!command.about.details.empty()) out += '\n' + paragraphs(command.about.details);
  return out + section("Operands", operand_lines(command)) +
         section("Options", option_lines(command.options, false)) + examples(command.about.examples);
}

std::string program_man(const ProgramView& program) {
  std::string out = man_head(program, program.info.name, program.info.summary, program_usage(program));
  out += man_list("COMMANDS", command_lines(program));
  out += man_list("GLOBAL OPTIONS", option_lines(program.options, true));
  out += man_examples(program.info.examples);
  std::string also;
  for (const CommandInfo* command : program.commands)
    if (!command->about.hidden)
      also += str::cat(also.empty() ? "" : ",\n", ".BR ",
                       roff(str::cat(program.info.name, "-", command->name)), " (1)");
  return out + ".SH SEE ALSO\n" + also + '\n';
}

std::string command_man(const ProgramView& program, const CommandInfo& command) {
  const std::string page = str::cat(program.info.name, "-", command.name);
  std::string out = man_head(program, page, command.help, usage(program, command));
  out += str::cat(".SH DESCRIPTION\n", roff(sentence(command.help)), "\n");
  for (const std::string_view paragraph : str::split(command.about.details, '\n'))
    if (!paragraph.empty()) out += str::cat(".PP\n", roff(paragraph), "\n");
  out += man_list("OPERANDS", operand_lines(command));
  out += man_list("OPTIONS", option_lines(command.options, false));
  out += man_examples(command.about.examples);
  return out + str::cat(".SH SEE ALSO\n.BR ", roff(program.info.name), " (1)\n");
}

}  // namespace cli
