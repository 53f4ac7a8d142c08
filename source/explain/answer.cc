#include "source/explain/answer.h"

#include <algorithm>

#include "source/base/escape.h"

namespace pillion::explain {
namespace {

// Members of an object, and elements of a list, each on a line of its own.
template <typename Items, typename Append>
void AppendBlock(const Items& items, char open, char close, std::string& out, size_t depth, const Append& append) {
  out += open;
  bool first = true;
  for (const auto& item : items) {
    out += first ? "\n" : ",\n";
    first = false;
    out.append(depth + 1, ' ');
    append(item);
  }
  if (!first) {
    out += '\n';
    out.append(depth, ' ');
  }
  out += close;
}

void AppendScalar(const std::string& text, std::string& out) { base::AppendJsonString(out, text); }
void AppendScalar(int64_t number, std::string& out) { out += std::to_string(number); }
void AppendScalar(bool flag, std::string& out) { out += flag ? "true" : "false"; }

}  // namespace

Answer& Answer::List::Object() { return std::get<Answer>(elements_.emplace_back(Answer())); }

void Answer::List::Text(std::string text) { elements_.emplace_back(std::move(text)); }

Answer::Value& Answer::Add(std::string_view name, Value value) {
  return members_.emplace_back(Member{std::string(name), std::move(value)}).value;
}

std::string Answer::ToText() const {
  std::string out;
  AppendText(out, 0);
  return out;
}

std::string Answer::ToJson() const {
  std::string out;
  AppendJson(out, 0);
  return out + "\n";
}

void Answer::AppendText(std::string& out, size_t depth) const {
  for (const Member& member : members_) {
    const auto* const list = std::get_if<List>(&member.value);
    if (list != nullptr && list->empty()) continue;
    if (!out.empty() && out.back() == '\n') out.append(depth, ' ');
    std::string name = member.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    out += name + ":";
    if (const auto* object = std::get_if<Answer>(&member.value)) {
      out += '\n';
      object->AppendText(out, depth + 2);
    } else if (list != nullptr) {
      out += '\n';
      AppendText(*list, out, depth + 2);
    } else if (const auto* text = std::get_if<std::string>(&member.value)) {
      out += ' ';
      base::AppendLine(out, *text, SIZE_MAX);
      out += '\n';
    } else if (const auto* flag = std::get_if<bool>(&member.value)) {
      out += *flag ? " yes\n" : " no\n";
    } else {
      out += " " + std::to_string(std::get<int64_t>(member.value)) + "\n";
    }
  }
}

void Answer::AppendText(const List& list, std::string& out, size_t depth) {
  for (const auto& element : list.elements_) {
    out.append(depth, ' ');
    out += "- ";
    if (const auto* object = std::get_if<Answer>(&element)) {
      object->AppendText(out, depth + 2);
    } else {
      base::AppendLine(out, std::get<std::string>(element), SIZE_MAX);
      out += '\n';
    }
  }
}

void Answer::AppendJson(std::string& out, size_t depth) const {
  AppendBlock(members_, '{', '}', out, depth, [&](const Member& member) {
    base::AppendJsonString(out, member.name);
    out += ": ";
    std::visit(
        [&](const auto& value) {
          if constexpr (requires { value.AppendJson(out, depth); }) {
            value.AppendJson(out, depth + 1);
          } else if constexpr (requires { value.elements_; }) {
            AppendJson(value, out, depth + 1);
          } else {
            AppendScalar(value, out);
          }
        },
        member.value);
  });
}

void Answer::AppendJson(const List& list, std::string& out, size_t depth) {
  AppendBlock(list.elements_, '[', ']', out, depth, [&](const auto& element) {
    if (const auto* object = std::get_if<Answer>(&element)) {
      object->AppendJson(out, depth + 1);
    } else {
      AppendScalar(std::get<std::string>(element), out);
    }
  });
}

}  // namespace pillion::explain
