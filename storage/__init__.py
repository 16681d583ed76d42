"""What lasts. The only room that speaks SQL; it knows neither dialogs, nor words, nor channels."""
