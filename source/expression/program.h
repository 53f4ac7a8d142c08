#pragma once

// A compiled expression: instructions of 8 bytes over a stack of values, and the constants that they use. Immutable,
// shared by all threads and all requests; made by Compile() (compiler.h), run by Evaluate() (evaluator.h).
//
// An error is a value that passes through whatever takes it; && and || absorb it where the other side decides.
//
// | instruction          | stack before | behind          | what it does                                                      |
// |----------------------|--------------|-----------------|-------------------------------------------------------------------|
// | kConstant c          |              | constants[c]    |                                                                   |
// | kAttribute c         |              | value           | asks for attribute c                                              |
// | kHasAttribute c      |              | bool            | whether it is there                                               |
// | kLookup c            |              | map             | attribute c, whose entries are asked for later                    |
// | kFind b c            |              | value           | entry keys[c] of attribute b                                      |
// | kHasEntry b c        |              | bool            | whether it is there                                               |
// | kField c             | map          | value           | its entry constants[c]                                            |
// | kHasField c          | map          | bool            |                                                                   |
// | kVariable a          |              | value           | the element that loop a is at                                     |
// | kCall b c            | c values     | value           | function b of them                                                |
// | kMatches c           | text         | bool            | regexes[c]                                                        |
// | kList c, kMap c      | c values     | list, map       |                                                                   |
// | kJumpIfFalse c       | bool         | bool            | to c, where it is false                                           |
// | kJumpIfTrue c        | bool         | bool            |                                                                   |
// | kAnd, kOr            | two          | bool            |                                                                   |
// | kChoose b c          | bool         | (or the error)  | goes on, or to c where it is false, or to b with an error         |
// | kJump c              |              |                 |                                                                   |
// | kLoop a b c          | list, map    | (or the error)  | begins loop a, or goes to c with an error; b: it makes a list     |
// | kNext a b c          |              |                 | to the next element, or to c behind the last; b: its steps        |
// | kCount c             | count, bool  | count           | counts what is true; to c with an error                           |
// | kAppend a c          | list, value  | list            | to the list that loop a makes; to c with an error                 |
// | kAppendElement a c   | list, bool   | list            | the element of loop a, where it is true; to c with an error       |
// | kSkip b c            | list, bool   | list            | to c where it is false; to b with an error                        |

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "source/expression/ast.h"
#include "source/expression/attributes.h"
#include "source/expression/type.h"
#include "source/expression/value.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace pillion::expression {

enum class Op : uint8_t {
  kConstant,
  kAttribute,
  kHasAttribute,
  kLookup,
  kFind,
  kHasEntry,
  kField,
  kHasField,
  kVariable,
  kCall,
  kMatches,
  kList,
  kMap,
  kJumpIfFalse,
  kJumpIfTrue,
  kAnd,
  kOr,
  kChoose,
  kJump,
  kLoop,
  kNext,
  kCount,
  kAppend,
  kAppendElement,
  kSkip,
};

struct Instruction {
  Op op;
  uint8_t a = 0;
  uint16_t b = 0;
  uint32_t c = 0;
};
static_assert(sizeof(Instruction) == 8);

class Program {
 public:
  static constexpr size_t kMostInstructions = 50'000;  // a jump's target has 16 bits
  static constexpr size_t kMostStack = 256;            // values at once
  static constexpr int kMostRegexSize = 50'000;        // instructions of all its regular expressions: ten megabytes

  Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  // The text that it was made of; empty: it was a tree. Of messages.
  const std::string& source() const { return source_; }
  // "column 7", or "expression 7" of a tree, of an error's place; empty: it is not told.
  std::string PlaceOf(const Value& error) const;
  // What is known of its results.
  const Type& result() const { return result_; }
  // It asks for this attribute, or for entries of it: callers need not gather what no expression asks for.
  bool Uses(Attribute attribute) const;

 private:
  friend class Compiler;
  friend class Machine;

  // With all that it consists of, in the program's own memory.
  Value Kept(const Value& value);
  std::string_view KeptText(std::string_view text);

  std::vector<Instruction> code_;
  std::vector<uint32_t> places_;  // of each instruction, in the text
  std::vector<Value> constants_;
  std::vector<Key> keys_;
  std::vector<std::unique_ptr<const re2::RE2>> regexes_;
  std::deque<std::string> texts_;
  std::deque<std::vector<Value>> lists_;
  std::deque<std::vector<MapEntry>> maps_;
  std::string source_;
  std::vector<Origin> origins_;
  Type result_;
};

}  // namespace pillion::expression
