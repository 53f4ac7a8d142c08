#include "source/expression/evaluator.h"

#include <re2/re2.h>

#include <array>

#include "source/expression/checker.h"
#include "source/expression/functions.h"
#include "source/expression/operations.h"

namespace pillion::expression {
namespace {

bool IsUnknown(const Value& error) { return error.place() == Value::kNoPlace; }

// Of a && b with a decided neither way: an error that b does not absorb stays.
Value Combined(const Value& a, const Value& b, bool all) {
  if (all ? a.is_false() || b.is_false() : a.is_true() || b.is_true()) return Value::Bool(!all);
  if (a.is_error()) return a;
  if (b.is_error()) return b;
  return a.Is(Kind::kBool) && b.Is(Kind::kBool) ? Value::Bool(all) : NoOverload();
}

// What stands where a bool is expected, and is none.
Value NoBool(const Value& value) { return value.is_error() ? value : NoOverload(); }

}  // namespace

class Machine {
 public:
  Machine(const Program& program, const Attributes& attributes, base::Arena& arena)
      : program_(program), evaluation_(attributes, arena, kMostBytes, kMostSteps), taken_before_(arena.bytes_taken()) {}

  Value Run() {
    const Instruction* const code = program_.code_.data();
    const size_t size = program_.code_.size();
    for (size_t at = 0; at < size;) {
      const Instruction& instruction = code[at];
      size_t next = at + 1;
      switch (instruction.op) {
        case Op::kConstant:
          Push(program_.constants_[instruction.c]);
          break;
        case Op::kAttribute:
          Push(attributes().Get(static_cast<Attribute>(instruction.c), arena()));
          break;
        case Op::kHasAttribute:
          Push(Value::Bool(!attributes().Get(static_cast<Attribute>(instruction.c), arena()).is_error()));
          break;
        case Op::kLookup:
          Push(Value::Lookup(static_cast<uint16_t>(instruction.c)));
          break;
        case Op::kFind:
          Push(Entry(instruction));
          break;
        case Op::kHasEntry:
          Push(HasEntry(Entry(instruction)));
          break;
        case Op::kField:
        case Op::kHasField:
          Field(instruction);
          break;
        case Op::kVariable:
          Push(loops_[instruction.a].items[loops_[instruction.a].next - 1]);
          break;
        case Op::kCall:
          Call(instruction);
          break;
        case Op::kMatches:
          Top() = Matches(Top(), *program_.regexes_[instruction.c]);
          break;
        case Op::kList:
        case Op::kMap:
          Gather(instruction);
          break;
        case Op::kJumpIfFalse:
          if (Top().is_false()) next = instruction.c;
          break;
        case Op::kJumpIfTrue:
          if (Top().is_true()) next = instruction.c;
          break;
        case Op::kAnd:
        case Op::kOr: {
          const Value second = Pop();
          Top() = Combined(Top(), second, instruction.op == Op::kAnd);
          break;
        }
        case Op::kChoose:
          next = Choose(instruction, next);
          break;
        case Op::kJump:
          next = instruction.c;
          break;
        case Op::kLoop:
          next = BeginLoop(instruction, next);
          break;
        case Op::kNext:
          next = NextElement(instruction, next);
          break;
        case Op::kCount:
        case Op::kAppend:
        case Op::kAppendElement:
          next = Gathered(instruction, next);
          break;
        case Op::kSkip: {
          const Value wanted = Pop();
          if (wanted.is_false()) next = instruction.c;
          if (!wanted.Is(Kind::kBool)) Top() = NoBool(wanted), next = instruction.b;
          break;
        }
      }
      // An error that has just come up is told where.
      if (top_ != stack_.data() && Top().is_error() && IsUnknown(Top())) [[unlikely]] Top().set_place(program_.places_[at]);
      at = next;
    }
    return Top();
  }

 private:
  struct Loop {
    const Value* items;
    uint32_t size;
    uint32_t next;
    Value* made;  // of a list that it makes: room for `size`
  };

  const Attributes& attributes() const { return evaluation_.attributes(); }
  base::Arena& arena() { return evaluation_.arena(); }

  // The compiler has seen to it that there is room.
  void Push(const Value& value) { *top_++ = value; }
  Value Pop() { return *--top_; }
  Value& Top() { return top_[-1]; }

  Value Entry(const Instruction& instruction) {
    return EntryOf(static_cast<Attribute>(instruction.b), program_.keys_[instruction.c], evaluation_);
  }

  void Call(const Instruction& instruction) {
    Value* const arguments = top_ - instruction.c;
    Value result;
    const Value* error = nullptr;
    for (const Value* argument = arguments; argument != top_ && error == nullptr; ++argument) {
      if (argument->is_error()) [[unlikely]] error = argument;
    }
    result = error != nullptr ? *error : functions_[instruction.b].run({arguments, instruction.c}, evaluation_);
    top_ = arguments;
    Push(result);
  }

  void Gather(const Instruction& instruction) {
    Value* const parts = top_ - instruction.c;
    const Value* error = nullptr;
    for (const Value* part = parts; part != top_ && error == nullptr; ++part) {
      if (part->is_error()) error = part;
    }
    Value result;
    if (error != nullptr) {
      result = *error;
    } else if (instruction.op == Op::kList) {
      result = MakeList({parts, instruction.c}, evaluation_);
    } else {
      result = MakeMap({parts, instruction.c}, evaluation_);
    }
    top_ = parts;
    Push(result);
  }

  void Field(const Instruction& instruction) {
    if (Top().is_error()) return;
    const Value found = Index(std::array{Top(), program_.constants_[instruction.c]}, evaluation_);
    const bool has = instruction.op == Op::kHasField;
    if (has && (!found.is_error() || found.error() == ErrorCode::kNoSuchKey)) {
      Top() = Value::Bool(!found.is_error());
    } else {
      Top() = found;
    }
  }

  Value Matches(const Value& text, const re2::RE2& regex) {
    if (!text.Is(Kind::kString)) return NoBool(text);
    if (!evaluation_.Step(text.text().size() / kBytesInStep)) return Value::Error(ErrorCode::kTooLong);
    const re2::StringPiece piece(text.text().data(), text.text().size());
    return Value::Bool(regex.Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0));
  }

  size_t Choose(const Instruction& instruction, size_t next) {
    if (Top().is_true()) {
      Pop();
      return next;
    }
    if (Top().is_false()) {
      Pop();
      return instruction.c;
    }
    Top() = NoBool(Top());
    return instruction.b;
  }

  size_t BeginLoop(const Instruction& instruction, size_t next) {
    const Value items = Elements(Top(), evaluation_);
    Loop& loop = loops_[instruction.a];
    if (items.Is(Kind::kList)) {
      loop = {items.items().data(), static_cast<uint32_t>(items.items().size()), 0, nullptr};
      const bool makes_list = instruction.b != 0;
      if (makes_list && loop.size > 0) loop.made = evaluation_.AllocateValues(loop.size);
      if (!makes_list) {
        Pop();
        return next;
      }
      if (loop.size == 0 || loop.made != nullptr) {
        Top() = Value::List({loop.made, 0});
        return next;
      }
      Top() = Value::Error(ErrorCode::kTooLarge);
      return instruction.c;
    }
    Top() = NoBool(items);
    return instruction.c;
  }

  size_t NextElement(const Instruction& instruction, size_t next) {
    Loop& loop = loops_[instruction.a];
    if (loop.next == loop.size) return instruction.c;
    ++loop.next;
    const bool too_large = arena().bytes_taken() - taken_before_ > kMostBytesInLoops;
    if (!too_large && evaluation_.Step(instruction.b)) return next;
    Top() = Value::Error(too_large ? ErrorCode::kTooLarge : ErrorCode::kTooLong);
    return instruction.c;
  }

  // What came of an element goes into what the loop gives.
  size_t Gathered(const Instruction& instruction, size_t next) {
    const Value value = Pop();
    Loop& loop = loops_[instruction.a];
    if (instruction.op == Op::kAppend ? value.is_error() : !value.Is(Kind::kBool)) {
      Top() = NoBool(value);
      return instruction.c;
    }
    if (instruction.op == Op::kCount) {
      if (value.is_true()) Top() = Value::Int(Top().int_value() + 1);
      return next;
    }
    if (instruction.op == Op::kAppendElement && value.is_false()) return next;
    const size_t size = Top().items().size();
    loop.made[size] = instruction.op == Op::kAppend ? value : loop.items[loop.next - 1];
    Top() = Value::List({loop.made, size + 1});
    return next;
  }

  const Program& program_;
  const Function* const functions_ = Functions().data();
  Evaluation evaluation_;
  const size_t taken_before_;
  std::array<Value, Program::kMostStack> stack_;
  std::array<Loop, kMostLoops> loops_;
  Value* top_ = stack_.data();
};

Value Evaluate(const Program& program, const Attributes& attributes, base::Arena& arena) {
  return Machine(program, attributes, arena).Run();
}

Value AsText(const Value& value, base::Arena& arena) {
  if (value.is_error()) return value;
  const NoAttributes attributes;
  Evaluation evaluation(attributes, arena, kMostBytes, kMostSteps);
  return ToString(std::array{value}, evaluation);
}

}  // namespace pillion::expression
