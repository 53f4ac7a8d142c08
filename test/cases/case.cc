#include "test/cases/case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace pillion::test {
namespace {

std::string Place(std::string_view file, int line) { return std::string(file) + ":" + std::to_string(line); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// \r \n \t \0 \\ \s (a blank) \xHH, and \{COUNT*TEXT} for TEXT so many times.
std::string Unescape(std::string_view text, const std::string& place) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    switch (const char c = text[++i]) {
      case 'r':
        result += '\r';
        break;
      case 'n':
        result += '\n';
        break;
      case 't':
        result += '\t';
        break;
      case '0':
        result += '\0';
        break;
      case '\\':
        result += '\\';
        break;
      case 's':
        result += ' ';
        break;
      case 'x':
        if (i + 2 < text.size()) {
          result += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
          i += 2;
        }
        break;
      case '{': {
        const size_t star = text.find('*', i);
        const size_t end = text.find('}', i);
        if (star == text.npos || end == text.npos || end < star) {
          ADD_FAILURE() << place << ": \\{COUNT*TEXT} expected";
          return result;
        }
        const std::string piece = Unescape(text.substr(star + 1, end - star - 1), place);
        for (int count = std::stoi(std::string(text.substr(i + 1, star - i - 1))); count > 0; --count) result += piece;
        i = end;
        break;
      }
      default:
        ADD_FAILURE() << place << ": unknown escape \\" << c;
    }
  }
  return result;
}

void AddSetting(Case& c, const std::string& name, const std::string& value, const std::string& place) {
  const auto add = [&](std::string& to) { to += value + "\n"; };
  if (name == "hcm") {
    add(c.settings.hcm);
  } else if (name == "route") {
    add(c.settings.route);
  } else if (name == "first") {
    c.settings.first_routes += "- " + value + "\n";
  } else if (name == "vhost") {
    add(c.settings.virtual_host);
  } else if (name == "table") {
    add(c.settings.table);
  } else if (name == "cluster") {
    add(c.settings.cluster);
  } else if (name == "listener") {
    add(c.settings.listener);
  } else if (name == "domains") {
    c.settings.domains = value;
  } else if (name == "filter") {
    EXPECT_EQ(value, "tcp_proxy") << place;
    c.settings.tcp = true;
  } else if (name == "hosts") {
    c.settings.hosts = static_cast<uint32_t>(std::stoul(value));
  } else if (name == "split") {
    EXPECT_EQ(value, "no") << place;
    c.split = false;
  } else {
    ADD_FAILURE() << place << ": unknown setting " << name;
  }
}

}  // namespace

Case ParseCase(std::string_view file, std::string_view text) {
  Case c;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string place = Place(file, number);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == ' ') {  // goes on with the bytes of the line before
      const size_t begin = line.find_first_not_of(' ');
      if (c.steps.empty() || (c.steps.back().verb != '>' && c.steps.back().verb != '<')) {
        ADD_FAILURE() << place << ": nothing to go on with";
        continue;
      }
      if (begin != line.npos) c.steps.back().text += Unescape(std::string_view(line).substr(begin), place);
      continue;
    }
    const size_t word_end = std::min(line.find_first_of(" :<>="), line.size());
    const std::string word = line.substr(0, word_end);
    const char mark = word_end < line.size() ? line[word_end] : ' ';
    const size_t rest = std::min(line.find_first_not_of(' ', std::min(word_end + 1, line.size())), line.size());
    if (mark == ':') {
      AddSetting(c, word, line.substr(rest), place);
      continue;
    }
    Step step{.line = number, .subject = word, .verb = mark};
    const bool bytes = mark == '>' || mark == '<';
    step.text = bytes ? Unescape(std::string_view(line).substr(rest), place) : line.substr(rest);
    c.steps.push_back(std::move(step));
  }
  EXPECT_FALSE(c.steps.empty()) << file << ": no steps";
  return c;
}

}  // namespace pillion::test
