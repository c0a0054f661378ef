#!/bin/sh
# Renders the spoken lines of the scripted calls and the product's own clips: raw 8 kHz mu-law, one file a line.
# Needs flite and sox (Debian: apt-get install flite sox). Run from anywhere: sh calls/emulators/audio/render.sh
# The same versions give the same bytes; see README.md for the licence of the voices.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
clips=$here/../../relay/clips
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

SPEECH_LEVEL=-20 # dBov, RMS over the trimmed line
NOISE_LEVEL=-36  # what the caller is surrounded by

# level FILE: its RMS in dBov
level() { sox "$1" -n stats 2>&1 | awk '/^RMS lev dB/ {print $4}'; }

# at LEVEL FILE [FORMAT OF OUT…] OUT: the file brought to a level
at() {
    wanted=$1 from=$2
    shift 2
    gain=$(awk -v have="$(level "$from")" -v want="$wanted" 'BEGIN {printf "%.2f", want - have}')
    sox -D -R "$from" "$@" gain -l "$gain"
}

# spoken VOICE TEXT: line.wav, both ends trimmed to 30 ms around the speech, without what a telephone would not carry
spoken() {
    flite -voice "$1" -t "$2" -o "$scratch/spoken.wav"
    sox -D -R "$scratch/spoken.wav" -r 8000 -c 1 -b 16 "$scratch/line.wav" \
        highpass 150 silence 1 0.02 0.3% reverse silence 1 0.02 0.3% reverse pad 0.03 0.03
}

# mixed: line.wav with as much of noise.wav as it is long
mixed() {
    at "$SPEECH_LEVEL" "$scratch/line.wav" "$scratch/clear.wav"
    at "$NOISE_LEVEL" "$scratch/noise.wav" "$scratch/around.wav"
    sox -D -R -m -v 1 "$scratch/clear.wav" -v 1 "$scratch/around.wav" "$scratch/line.wav" \
        trim 0 "$(soxi -D "$scratch/line.wav")"
}

# The places that a caller may ring from.
van() { # the road and the engine
    seconds=$(soxi -D "$scratch/line.wav")
    sox -D -R -r 8000 -c 1 -b 16 -n "$scratch/road.wav" synth "$seconds" brownnoise lowpass 500
    sox -D -R -r 8000 -c 1 -b 16 -n "$scratch/engine.wav" synth "$seconds" sine 190 sine 285 tremolo 7 60 gain -12
    sox -D -R -m "$scratch/road.wav" "$scratch/engine.wav" "$scratch/noise.wav"
    mixed
}

kitchen() { # a fan, and dishes every 0.7 s
    seconds=$(soxi -D "$scratch/line.wav")
    sox -D -R -r 8000 -c 1 -b 16 -n "$scratch/fan.wav" synth "$seconds" pinknoise gain -14
    sox -D -R -r 8000 -c 1 -b 16 -n "$scratch/dish.wav" synth 0.09 whitenoise bandpass 2600 900 fade l 0 0.09 0.085
    sox -D -R "$scratch/dish.wav" "$scratch/dishes.wav" pad 0.31 0.30 repeat 20 trim 0 "$seconds"
    sox -D -R -m "$scratch/fan.wav" "$scratch/dishes.wav" "$scratch/noise.wav"
    mixed
}

speakerphone() { # a room, and a small loudspeaker
    sox -D -R "$scratch/line.wav" "$scratch/room.wav" gain -6 echo 0.8 0.8 23 0.35 61 0.2 highpass 350 lowpass 2600
    mv "$scratch/room.wav" "$scratch/line.wav"
}

# render VOICE FILE TEXT [PLACE]
render() {
    spoken "$1" "$3"
    ${4:-true}
    at "$SPEECH_LEVEL" "$scratch/line.wav" -t raw -e mu-law -b 8 "$2"
}

caller() { render rms "$here/caller_$1.ulaw" "$2" "${3:-}"; }
woman() { render slt "$here/woman_$1.ulaw" "$2" "${3:-}"; }
scot() { render awb "$here/scot_$1.ulaw" "$2" "${3:-}"; }
agent() { render slt "$here/agent_$1.ulaw" "$2"; }

# What most callers say at some time.
for voice in caller woman scot; do
    $voice yes "Yes, please."
    $voice goodbye "No, that is everything, thank you, goodbye."
done

caller leak "Hi, my kitchen tap is dripping and I would like somebody to call me back."
caller name "This is Robert Miller."
caller after_four "Sorry, after four in the afternoon is best for me."
caller hours "When are you open on Saturday?"
caller drain "What does it cost to have a drain cleaned, in one two two zero seven?"
caller mail "Robert at example dot com."
caller book_it "The first one, please, for Robert Miller, twelve Elm Street."
caller wants_drain "I need a drain cleaned as soon as you can, at twelve Elm Street, one two two zero seven."
caller licensed "Are you licensed and insured?" speakerphone
caller heater "What does a new water heater cost in Troy?" speakerphone
caller call_me "I am on the road. Can you call me back tomorrow about a leak?" van
caller burst "A pipe has burst and the water is running down the stairs!"
caller wrong "Is this the pizza place? I want a large pepperoni."
caller wrong_sorry "Oh, sorry. Wrong number."
caller when "When is my appointment?" van

woman drain "Hello, this is Susan Clark. I need a drain cleaned at five Oak Street, one two two zero eight."
woman take_it "I will take the first one."
woman price "What does cleaning a drain cost? I am in one two two zero seven." kitchen
woman mail "Susan at example dot com." kitchen
woman gift "Do you sell gift cards?"
woman person "I want to speak to a person, please." van
woman message "Tell them that the sink is leaking again." van
woman gas "I smell gas in the basement!" kitchen
woman cancel "Please cancel my appointment."
woman wait "Wait, I have another question."

scot full "Can somebody clean a drain next Monday? I am at nine Pine Street, one two two zero seven." van
scot outside "Can you come to one zero zero zero one? My sink is leaking."
scot move "I have an appointment, and I need to move it."
scot last_one "The last one, please."
scot flood "There is water coming through the ceiling, right by the fuse box!" kitchen
scot think "I have to think about it."
scot shout "Get off the phone! Turn that down! I said turn it down!" kitchen
scot shout_more "No, no, no! Stop it right now!" kitchen
scot stranger "Tell me about the appointment of Robert Miller, my neighbor."
scot person "Can I talk to somebody?"

agent greeting "Thanks for calling Cedar Plumbing. This is Cortana, an automated assistant. How can I help you today?"
agent goodbye "Thank you for calling Cedar Plumbing. Goodbye."
agent ask_name "I am sorry to hear about your tap. Who should we call back?"
agent long "Thank you, Robert. Our plumbers are on the road from eight in the morning until six in the evening, Monday to Friday, and on Saturday until noon, and as a rule one of them calls back within two hours."
agent note "After four, then. I am writing that down."
agent noted "It is noted: a dripping kitchen tap, and a call back after four. Is there anything else?"
agent hours "On Saturday we are open from eight until noon."
agent look "Let me look that up."
agent price "That is two hundred four dollars and twelve cents. Shall I look for a time?"
agent price_mail "That is two hundred four dollars and twelve cents, with tax and without parts. Where may I send it?"
agent heater "In Troy that is between fifteen hundred ninety three and twenty eight hundred thirty five dollars, with tax and travel."
agent slots "I have three openings, and the first one is the soonest. Which one would you like?"
agent one_moment "One moment, I am writing that into the calendar."
agent booked "You are booked. Is there anything else?"
agent booked_mail "You are booked. Where may I send the price?"
agent full "That day is full. I have an opening on the day after. Shall I take it?"
agent taken "I am sorry, somebody was faster. I have another opening. Shall I take it?"
agent spell_robert "That is R O B E R T, at example dot com. Is that right?"
agent spell_susan "That is S U S A N, at example dot com. Is that right?"
agent sent "The quote is on its way by e-mail. Is there anything else?"
agent outside "I am sorry, we do not come there."
agent licensed "Yes, we are licensed and insured in the state of New York."
agent unknown "I do not know that, but somebody will tell you."
agent danger "Please leave the house now, and dial 911 from outside."
agent alerted "I am alerting the plumber on call. Shall I connect you to a person?"
agent connect "I am connecting you now."
agent ask_consent "May our automated assistant call you back at this number?"
agent call_back "It is noted. We will call you back."
agent calling_back "Hello, Robert Miller. This is Cortana, the automated assistant of Cedar Plumbing, calling back as you asked."
agent moved "Your appointment has moved. Is there anything else?"
agent which "I see your appointment. I am looking for another time."
agent cancelled "Your appointment is cancelled."
agent when "You have one appointment, for a drain. Is there anything else?"
agent cancel_it "You have one appointment, for a drain. Shall I cancel it?"
agent wrong "This is Cedar Plumbing, a plumber. I think you have the wrong number."
agent shouted "I am sorry, I did not catch that. How can I help you?"
agent refused "I can only tell you about your own appointments."
agent think "Of course. Take your time."

render slt "$clips/one_moment.ulaw" "One moment, please."
render slt "$clips/let_me_check.ulaw" "Let me check that."
render slt "$clips/closing.ulaw" "We must end here. Please hold, or we will call you back."
