#pragma once

// A value of a stream's metadata. Views only: texts and members lie in the stream's arena, or live as long as the
// configuration.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pillion::metadata {

struct Member;

struct Value {
  enum class Kind : uint8_t { kNull, kFlag, kNumber, kText, kList, kObject };

  static Value Flag(bool flag) { return {.kind = Kind::kFlag, .flag = flag}; }
  static Value Number(double number) { return {.kind = Kind::kNumber, .number = number}; }
  static Value Text(std::string_view text) { return {.kind = Kind::kText, .text = text}; }

  Kind kind = Kind::kNull;
  bool flag = false;
  uint32_t size = 0;  // of `members`
  double number = 0;
  std::string_view text;
  const Member* members = nullptr;  // of a list (without keys) or an object
};

struct Member {
  std::string_view key;
  Value value;
};

// A value with all that it consists of.
class Tree {
 public:
  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // What a value is made of lives as long as the tree.
  std::string_view Keep(std::string text) { return texts_.emplace_back(std::move(text)); }
  Value Keep(Value::Kind kind, std::vector<Member> members) {
    const std::vector<Member>& kept = members_.emplace_back(std::move(members));
    return {.kind = kind, .size = static_cast<uint32_t>(kept.size()), .members = kept.data()};
  }

  Value value;

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<Member>> members_;
};

// The member of an object; null: it has none of that name, or is no object.
const Value* Find(const Value& object, std::string_view key);

void AppendJson(std::string& out, const Value& value);
// The shortest text that reads as the number; null where JSON has none.
void AppendJsonNumber(std::string& out, double number);

}  // namespace pillion::metadata
