#pragma once

// What is answered: names with values, objects and lists, in the order in which they were written; shown as text for people,
// or as JSON.

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pillion::explain {

// An object. References to what is in it stay good as long as it does.
class Answer {
 public:
  class List {
   public:
    Answer& Object();
    void Text(std::string text);
    bool empty() const { return elements_.empty(); }

   private:
    friend class Answer;
    std::list<std::variant<std::string, Answer>> elements_;
  };

  // `name` is as in JSON: "virtual_host".
  void Text(std::string_view name, std::string text) { Add(name, std::move(text)); }
  void Number(std::string_view name, int64_t number) { Add(name, number); }
  void Flag(std::string_view name, bool flag) { Add(name, flag); }
  Answer& Object(std::string_view name) { return std::get<Answer>(Add(name, Answer())); }
  List& Elements(std::string_view name) { return std::get<List>(Add(name, List())); }

  // Behind its own, the members of another one.
  void Append(Answer other) { members_.splice(members_.end(), std::move(other.members_)); }

  bool empty() const { return members_.empty(); }
  std::string ToText() const;
  std::string ToJson() const;

 private:
  using Value = std::variant<std::string, int64_t, bool, Answer, List>;
  struct Member;

  Value& Add(std::string_view name, Value value);
  void AppendText(std::string& out, size_t depth) const;
  void AppendJson(std::string& out, size_t depth) const;
  static void AppendText(const List& list, std::string& out, size_t depth);
  static void AppendJson(const List& list, std::string& out, size_t depth);

  std::list<Member> members_;
};

struct Answer::Member {
  std::string name;
  Value value;
};

}  // namespace pillion::explain
